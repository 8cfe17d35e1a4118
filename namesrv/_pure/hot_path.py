"""The state of the hot path that all connections share."""

from namesrv._pure.live_table import BrokerLiveTable
from namesrv._pure.route_answers import RouteAnswers
from namesrv.hot_path import (
    DEFAULT_HEADER_MAX_BYTES,
    ColdPath,
    HotCode,
    check_instance,
    check_size,
)


class HotPath:
    """Shared by all connections: the tables, the mask, and the way to the processor.

    `hot_codes` is a HotCode mask; `order_topic_body` is the body of every answer to a
    registration, empty for none; `turn_taken` is set by a large registration in this
    turn of the loop (the server resets it).

    The connections count, from the start on: `received_bytes` and `sent_bytes` (inside
    TLS), and the requests that they answered themselves: `heartbeats` (904),
    `version_queries` (322) and `unchanged_registrations` (103). Lookups are counted by
    `route_answers`.
    """

    __slots__ = (
        "cold_path",
        "frame_max_bytes",
        "header_max_bytes",
        "heartbeats",
        "hot_codes",
        "live_table",
        "order_topic_body",
        "received_bytes",
        "route_answers",
        "sent_bytes",
        "turn_taken",
        "unchanged_registrations",
        "version_queries",
    )

    def __init__(
        self,
        route_answers: RouteAnswers,
        live_table: BrokerLiveTable,
        cold_path: ColdPath,
        frame_max_bytes: int,
        header_max_bytes: int = DEFAULT_HEADER_MAX_BYTES,
    ) -> None:
        check_instance("route_answers", route_answers, RouteAnswers)
        check_instance("live_table", live_table, BrokerLiveTable)
        self.route_answers = route_answers
        self.live_table = live_table
        self.cold_path = cold_path
        self.frame_max_bytes = check_size("frame_max_bytes", frame_max_bytes)
        self.header_max_bytes = check_size("header_max_bytes", header_max_bytes)
        self.hot_codes: int = HotCode.NONE
        self.order_topic_body = b""
        self.turn_taken = False
        self.received_bytes = self.sent_bytes = 0
        self.heartbeats = self.version_queries = self.unchanged_registrations = 0

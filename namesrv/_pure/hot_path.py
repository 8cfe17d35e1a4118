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
    """

    __slots__ = (
        "cold_path",
        "frame_max_bytes",
        "header_max_bytes",
        "hot_codes",
        "live_table",
        "order_topic_body",
        "route_answers",
        "turn_taken",
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

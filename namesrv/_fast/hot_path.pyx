"""The state of the hot path that all connections share."""

from namesrv._fast.head_shapes cimport HeadShapes
from namesrv._fast.live_table cimport BrokerLiveTable
from namesrv._fast.output cimport release
from namesrv._fast.route_answers cimport RouteAnswers

from namesrv.hot_path import DEFAULT_HEADER_MAX_BYTES, check_instance, check_size


cdef class HotPath:
    """Shared by all connections: the tables, the mask, and the way to the processor.

    `hot_codes` is a HotCode mask; `order_topic_body` is the body of every answer to a
    registration, empty for none; `turn_taken` is set by a large registration in this
    turn of the loop (the server resets it).
    """

    def __init__(
        self,
        route_answers,
        live_table,
        cold_path,
        frame_max_bytes,
        header_max_bytes=DEFAULT_HEADER_MAX_BYTES,
    ):
        check_instance("route_answers", route_answers, RouteAnswers)
        check_instance("live_table", live_table, BrokerLiveTable)
        self.route_answers = route_answers
        self.live_table = live_table
        self.cold_path = cold_path
        self.frame_max_bytes = check_size("frame_max_bytes", frame_max_bytes)
        self.header_max_bytes = check_size("header_max_bytes", header_max_bytes)
        self.hot_codes = 0
        self.order_topic_body = b""
        self.turn_taken = False
        self._shapes = HeadShapes()

    def __dealloc__(self):
        release(&self._scratch)

"""The state of the hot path that all connections share."""

import re

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.long cimport PyLong_AsLongLongAndOverflow

from namesrv._fast.atomic cimport store
from namesrv._fast.frame cimport FrameView
from namesrv._fast.head_shapes cimport HeadShapes
from namesrv._fast.live_table cimport BrokerLiveTable
from namesrv._fast.output cimport release
from namesrv._fast.route_answers cimport RouteAnswers

from namesrv.hot_path import (
    DEFAULT_HEADER_MAX_BYTES, UnknownTopicSample, check_instance, check_millis,
    check_size,
)
from namesrv.wire.body_checksum import body_checksum
from namesrv.wire.registration_digest import registration_digest

cdef object _CRC32_FIELD = re.compile(r"[1-9][0-9]{0,9}")

# Times up to here pass without a call of check_millis, which has the limit.
cdef long long SAFE_MILLIS = 2**60


cdef long long millis_of(object now_ms) except? -1:
    """The same as check_millis, which is called only for a wrong value."""
    cdef int overflow = 0
    cdef long long now
    if type(now_ms) is int:
        now = PyLong_AsLongLongAndOverflow(now_ms, &overflow)
        if not overflow and -SAFE_MILLIS <= now <= SAFE_MILLIS:
            return now
    return check_millis("now_ms", now_ms)


cdef class HotPath:
    """Shared by all connections: the tables, the mask, and the way to the processor.

    `hot_codes` is a HotCode mask; `order_topic_body` is the body of every answer to a
    registration, empty for none; `turn_taken` is set by a large registration in this
    turn of the loop (the server resets it).

    `digest` is that of the registration which goes to the cold path now, None unless
    its connection has computed it; the checksum matched then. The cold path takes it.

    Some lookups of unknown topics are kept as samples (`sample_unknown`).

    The connections count, from the start on: `received_bytes` and `sent_bytes` (inside
    TLS), and the requests that they answered themselves: `heartbeats` (904),
    `version_queries` (322) and `unchanged_registrations` (103). Lookups are counted by
    `route_answers`.
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
        self.digest = None
        self.received_bytes = self.sent_bytes = 0
        self.heartbeats = self.version_queries = self.unchanged_registrations = 0
        self._shapes = HeadShapes()
        self._samples = []
        self._samples_left = 0
        self._sample_stride = 1

    @property
    def hot_codes(self):
        return self._hot_codes

    @hot_codes.setter
    def hot_codes(self, int codes):
        store(&self._hot_codes, codes)

    def repeats(self, known, version, ext_fields, body):
        """Whether a registration repeats one with the `known` digest.

        If only its digest is another one, the cold path gets that.
        """
        checksum = ext_fields.get("bodyCrc32") or ""
        if body is None or not _CRC32_FIELD.fullmatch(checksum):
            return False
        if int(checksum) != body_checksum(body):
            return False
        digest = registration_digest(version, ext_fields, body)
        if digest == known:
            return True
        self.digest = digest
        return False

    def take_digest(self):
        """`digest`, once."""
        digest, self.digest = self.digest, None
        return digest

    def sample_unknown(self, most, stride):
        """Keep every `stride`-th lookup of an unknown topic from now on, until there
        are `most`."""
        self._samples_left = check_size("most", most)
        self._sample_stride = max(check_size("stride", stride), 1)
        self._plan_sample()

    def note_unknown(self, serialize_type, header, remote_address):
        """Keep a lookup that is wanted as a sample, and plan the next one."""
        self._samples.append(UnknownTopicSample(serialize_type, header, remote_address))
        self._samples_left -= 1
        self._plan_sample()

    def take_samples(self):
        """The samples since the last call, oldest first."""
        samples, self._samples = self._samples, []
        return samples

    cdef int keep(self, FrameView* frame, str remote_address) except -1:
        """`note_unknown` with the request of a frame."""
        header = PyBytes_FromStringAndSize(<char*>frame.header, frame.header_length)
        self.note_unknown(frame.serialize_type, header, remote_address)
        return 0

    cdef int _plan_sample(self) except -1:
        stride = self._sample_stride if self._samples_left > 0 else -1
        self.route_answers.sample_after(stride)
        return 0

    def __dealloc__(self):
        release(&self._scratch)

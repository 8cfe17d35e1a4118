"""One connection: bytes in, bytes out (docs/architecture.md, the way of a byte).

Rules for all input of a peer:
1. `receive` and `resume` never raise for it; `fault` is the reason to close.
2. Answers leave in the order of the requests.
3. There is one way to pause: `pause` is set, input is kept, `resume` continues.
"""

from cpython.buffer cimport PyBUF_READ
from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize, PyBytes_Size
from cpython.memoryview cimport PyMemoryView_FromMemory

from namesrv._fast.answer_frames cimport append_changed, append_success
from namesrv._fast.frame cimport FrameDecoder, FrameView
from namesrv._fast.head cimport HeadView, ext_fields_of, view_head
from namesrv._fast.hot_path cimport HotPath, millis_of
from namesrv._fast.live_table cimport BrokerLiveInfo
from namesrv._fast.output cimport Output, append_bytes, granted, release
from namesrv._fast.route_answers cimport SAMPLE
from namesrv._fast.scan cimport is_true

from namesrv import codes, hot_path
from namesrv.carried_brokers import CarriedBrokers
from namesrv.errors import ConnectionEnded, ConnectionFault
from namesrv.hot_path import (
    ANY_VERSION, check_bytes, check_instance, check_int32, check_size, check_text,
)
from namesrv.wire.answer_frames import answer_frame, success_header

cdef int GET_ROUTEINFO_BY_TOPIC = codes.RequestCode.GET_ROUTEINFO_BY_TOPIC
cdef int BROKER_HEARTBEAT = codes.RequestCode.BROKER_HEARTBEAT
cdef int QUERY_DATA_VERSION = codes.RequestCode.QUERY_DATA_VERSION
cdef int REGISTER_BROKER = codes.RequestCode.REGISTER_BROKER
cdef int FLAG_RESPONSE = codes.FLAG_RESPONSE, FLAG_ONEWAY = codes.FLAG_ONEWAY
cdef int VERSION_V4_9_4 = codes.VERSION_V4_9_4
cdef int HOT_ROUTE = hot_path.HotCode.ROUTE, HOT_HEARTBEAT = hot_path.HotCode.HEARTBEAT
cdef int HOT_REGISTRATION = hot_path.HotCode.REGISTRATION
cdef int PAUSE_NONE = hot_path.Pause.NONE, PAUSE_OUTPUT = hot_path.Pause.OUTPUT
cdef int PAUSE_LATER = hot_path.Pause.LATER, PAUSE_TURN = hot_path.Pause.TURN
cdef Py_ssize_t OUTPUT_PAUSE_BYTES = hot_path.OUTPUT_PAUSE_BYTES
cdef Py_ssize_t LARGE_REGISTRATION_BYTES = hot_path.LARGE_REGISTRATION_BYTES
cdef Py_ssize_t SCRATCH_KEPT_BYTES = 2 * OUTPUT_PAUSE_BYTES

cdef object _PAUSE_TURN = hot_path.Pause.TURN


cdef class Connection:
    """One peer. `remote_address` is its text for logs, which a PROXY header may change;
    `socket_address` is always the socket's.

    `pause` is the reason why parsing stopped, `fault` the reason to close; `finished`
    is set when the peer sends no more. `has_side_effects` is set if the last call also
    paused, failed, kept input or caused effects; `last_active_ms` is the time of that
    call, `read_ms` the time of the last input. `waiting_code` is the code of the
    request that waits for a turn of the loop, 0 if unknown. `progress_ms` is the time
    at which a frame kept in part began, or one before it ended; `client_version` is
    that of the last request, ANY_VERSION before the first; `brokers` are those that the
    connection carries.

    Only the connection writes its fields. The objects around it call `fail`, `hold`,
    `name_peer` and the `note_...` methods.
    """

    def __init__(self, hot, remote_address):
        check_instance("hot", hot, HotPath)
        check_text("remote_address", remote_address)
        self._hot = hot
        self._decoder = FrameDecoder(hot.frame_max_bytes, hot.header_max_bytes)
        self._noted_bytes = self._latest_shape = 0
        self.remote_address = self.socket_address = remote_address
        self.brokers = CarriedBrokers()
        self.pause, self.fault = PAUSE_NONE, None
        self.finished = self.has_side_effects = False
        self.last_active_ms = self.read_ms = self.progress_ms = self.waiting_code = 0
        self.client_version = ANY_VERSION

    @property
    def buffered_bytes(self):
        """Bytes of kept input: parts of frames, and whole frames while paused."""
        return self._decoder.buffered_bytes

    @property
    def registered(self):
        """(cluster, address) of each live broker that the connection carries."""
        return self.brokers.live

    @property
    def is_done(self):
        """Whether no more output will come, so that the connection can be closed."""
        return self.fault is not None or (self.finished and self.pause == PAUSE_NONE)

    def receive(self, data, now_ms):
        """Process input; the bytes to send, in the order of the requests."""
        cdef bytes output = b""
        cdef long long now = millis_of(now_ms)
        if type(data) is not bytes:
            check_bytes("data", data)
        self.last_active_ms = self.read_ms = now
        self._hot.received_bytes += PyBytes_Size(data)
        if self.fault is not None:
            return output
        self.has_side_effects = self.pause != PAUSE_NONE or self.finished
        self._decoder.borrow(data)
        try:
            if self.pause == PAUSE_NONE:
                output = self._run(b"", now)
        finally:
            self._decoder.settle()
        self._note_buffered(PyBytes_Size(data), now)
        return output

    def resume(self, now_ms, answer=b""):
        """Continue after a pause; `answer` is the late answer, if one was awaited."""
        cdef bytes output
        cdef long long now = millis_of(now_ms)
        check_bytes("answer", answer)
        self.last_active_ms = now
        if self.fault is not None:
            return b""
        self.pause = PAUSE_NONE
        self.has_side_effects = True
        output = self._run(answer, now)
        self._note_buffered(0, now)
        return output

    def finish(self):
        """The peer closed its side; requests read so far are still answered."""
        self.finished = True
        self.has_side_effects = True

    def fail(self, fault):
        """Set the reason to close the connection, unless it has one already."""
        check_instance("fault", fault, ConnectionFault)
        if self.fault is None:
            self.fault = fault
            self.has_side_effects = True

    def hold(self, pause):
        """Stay paused, for another reason: a late answer was sent, and the requests
        behind it wait."""
        self.pause = hot_path.Pause(pause)
        self.waiting_code = 0

    def note_activity(self, now_ms):
        """Bytes moved that are not a frame yet, so the connection is not idle."""
        self.last_active_ms = millis_of(now_ms)

    def note_side_effects(self):
        """The layer around it paused, failed or kept input during this call."""
        self.has_side_effects = True

    def note_sent(self, sent_bytes):
        """Count pieces of a long answer, and late answers that are sent in a pause."""
        self._hot.sent_bytes += check_size("sent_bytes", sent_bytes)

    def note_version(self, version):
        """Note the version of the client in the request under way."""
        self.client_version = check_int32("version", version)

    def name_peer(self, remote_address):
        """Take the text for logs from a PROXY header."""
        check_text("remote_address", remote_address)
        self.remote_address = remote_address

    def take_next(self, wanted_codes):
        """The next request if it is whole, short, and has one of these codes."""
        return self._decoder.take_short(wanted_codes, LARGE_REGISTRATION_BYTES)

    def abandon(self):
        """The connection ended: drop requests that were read and not yet handled,
        because others may hold a reference to it for longer."""
        hot = self._hot
        self._decoder = FrameDecoder(hot.frame_max_bytes, hot.header_max_bytes)
        self._noted_bytes = 0
        if self.fault is None:
            self.fault = ConnectionEnded()

    cdef void _note_buffered(self, Py_ssize_t received, long long now_ms) noexcept:
        cdef Py_ssize_t buffered = self._decoder.kept()
        cdef Py_ssize_t noted = self._noted_bytes
        if buffered == noted == 0:
            return
        if noted == 0 or buffered < noted + received:
            self.progress_ms = now_ms
        self._noted_bytes = buffered
        self.has_side_effects = True

    cdef bytes _run(self, bytes first, long long now_ms):
        cdef HotPath hot = self._hot
        cdef Output output = hot._scratch
        # A nested call from the cold path finds no scratch and makes its own.
        hot._scratch.data = NULL
        hot._scratch.capacity = 0
        output.length = 0
        try:
            append_bytes(&output, first)
            self._answer_frames(&output, now_ms)
            if self.pause != PAUSE_NONE:
                self._decoder.give_back()
            hot.sent_bytes += output.length
            return PyBytes_FromStringAndSize(output.data, output.length)
        finally:
            if output.capacity > SCRATCH_KEPT_BYTES or hot._scratch.data != NULL:
                release(&output)
            else:
                hot._scratch = output

    cdef int _answer_frames(self, Output* output, long long now_ms) except -1:
        cdef FrameDecoder decoder = self._decoder
        cdef FrameView frame
        try:
            while self.pause == PAUSE_NONE and decoder.next_view(&frame):
                self._handle(&frame, output, now_ms)
                if self._decoder is not decoder:
                    break
                if output.length >= OUTPUT_PAUSE_BYTES and self.pause == PAUSE_NONE:
                    self.pause = PAUSE_OUTPUT
                    self.waiting_code = 0
                    self.has_side_effects = True
        except ConnectionFault as fault:
            # The traceback's frames would keep this connection and its input alive.
            fault.__traceback__ = fault.__context__ = None
            self.fault = fault
            self.has_side_effects = True
        return 0

    cdef int _handle(
        self, FrameView* frame, Output* output, long long now_ms
    ) except -1:
        cdef HeadView head
        cdef HeadView* known = NULL
        cdef Py_ssize_t start = output.length
        cdef int answered
        if self._hot._shapes.view(
            &self._latest_shape,
            frame.serialize_type, frame.header, frame.header_length, &head,
        ):
            known = &head
        if frame.body_length >= LARGE_REGISTRATION_BYTES and not self._take_turn(known):
            return 0
        if known != NULL and not (head.flag & FLAG_RESPONSE):
            answered = self._hot_answer(frame, &head, output, now_ms)
            if answered:
                self.client_version = head.version
                if head.flag & FLAG_ONEWAY:
                    output.length = start
                if answered == SAMPLE:
                    self._hot.keep(frame, self.remote_address)
                return 0
        return self._cold(frame, output, now_ms)

    cdef int _cold(self, FrameView* frame, Output* output, long long now_ms) except -1:
        self.has_side_effects = True
        answer = self._hot.cold_path(
            frame.serialize_type,
            PyBytes_FromStringAndSize(<char*>frame.header, frame.header_length),
            self._decoder.body_of(frame),
            self,
            now_ms,
        )
        if answer is None:
            self.pause = PAUSE_LATER
            return 0
        if answer is _PAUSE_TURN:
            self._put_back()
            return 0
        check_bytes("answer", answer)
        return append_bytes(output, answer)

    cdef bint _take_turn(self, HeadView* head) except -1:
        """Pause before a large frame if another one had this turn, else after it."""
        self.has_side_effects = True
        if self._hot.turn_taken:
            self._put_back()
            return False
        self.pause = PAUSE_TURN
        self.waiting_code = 0 if head == NULL else head.code
        self._hot.turn_taken = True
        return True

    cdef int _put_back(self) except -1:
        """The request comes again in another turn. A broker's sign of life counts
        from the time it was read, unless the processor has to check it first."""
        cdef FrameView frame
        cdef HeadView head
        cdef BrokerLiveInfo info
        self.pause = PAUSE_TURN
        self.waiting_code = 0
        self._decoder.undo()
        # Read again: the called code may have fed this connection.
        if not self._decoder.next_view(&frame):
            return 0
        self._decoder.undo()
        if not view_head(
            frame.serialize_type, frame.header, frame.header_length, &head
        ):
            return 0
        self.waiting_code = head.code
        if head.flag & FLAG_RESPONSE or not self._hot._hot_codes & HOT_HEARTBEAT:
            return 0
        if head.code in (REGISTER_BROKER, QUERY_DATA_VERSION, BROKER_HEARTBEAT):
            info = self._live_info(&head)
            if info is not None and info.last_update_timestamp < self.read_ms:
                info.last_update_timestamp = self.read_ms
        return 0

    cdef int _hot_answer(
        self, FrameView* frame, HeadView* head, Output* output, long long now_ms
    ) except -1:
        """Append the answer; 0 for a request that the processor must handle."""
        cdef int hot_codes = self._hot._hot_codes
        if not head.has_ext_fields:
            return 0
        if head.code == GET_ROUTEINFO_BY_TOPIC:
            return self._route(head, output) if hot_codes & HOT_ROUTE else 0
        if hot_codes & HOT_HEARTBEAT:
            if head.code == BROKER_HEARTBEAT:
                return self._heartbeat(head, output, now_ms)
            if head.code == QUERY_DATA_VERSION:
                return self._query_data_version(frame, head, output, now_ms)
        if head.code == REGISTER_BROKER and hot_codes & HOT_REGISTRATION:
            return self._repeated_registration(frame, head, output, now_ms)
        return 0

    cdef int _route(self, HeadView* head, Output* output) except -1:
        cdef bint standard
        if head.topic.data == NULL or head.zone_mode.data != NULL:
            return 0
        standard = head.version >= VERSION_V4_9_4 or is_true(
            &head.accept_standard_json_only
        )
        return self._hot.route_answers.append_answer(
            NULL if head.flag & FLAG_ONEWAY else output,
            head.topic.data, head.topic.length, standard, head.opaque,
        )

    cdef int _heartbeat(
        self, HeadView* head, Output* output, long long now_ms
    ) except -1:
        cdef BrokerLiveInfo info
        if head.cluster_name.data == NULL or head.broker_addr.data == NULL:
            return 0
        info = self._live_info(head)
        if info is not None:
            info.last_update_timestamp = now_ms
        self._hot.heartbeats += 1
        granted(append_success(output, head.opaque, NULL, 0))
        return 1

    cdef int _query_data_version(
        self, FrameView* frame, HeadView* head, Output* output, long long now_ms
    ) except -1:
        cdef BrokerLiveInfo info = self._live_info(head)
        cdef int same
        if info is None or not info._has_version:
            return 0
        same = info.compare_version(frame.body, frame.body_length)
        if same < 0:
            return 0
        info.last_update_timestamp = now_ms
        self._hot.version_queries += 1
        granted(append_changed(
            output, head.opaque, not same,
            PyBytes_AsString(info._version_text), PyBytes_Size(info._version_text),
        ))
        return 1

    cdef int _repeated_registration(
        self, FrameView* frame, HeadView* head, Output* output, long long now_ms
    ) except -1:
        cdef BrokerLiveInfo info = self._live_info(head)
        if info is None or info.digest is None or info.owner is not self:
            return 0
        ext_fields = ext_fields_of(
            frame.serialize_type, frame.header, frame.header_length
        )
        body = None
        if frame.body_length:
            body = PyMemoryView_FromMemory(
                <char*>frame.body, frame.body_length, PyBUF_READ
            )
        if not self._hot.repeats(info.digest, head.version, ext_fields, body):
            return 0
        self._hot.live_table.renew(info, self, now_ms)
        self._hot.unchanged_registrations += 1
        if head.flag & FLAG_ONEWAY:
            return 1
        header = success_header(head.opaque, info.answer_ext_fields)
        append_bytes(output, answer_frame(header, self._hot.order_topic_body))
        return 1

    cdef BrokerLiveInfo _live_info(self, HeadView* head):
        if head.cluster_name.data == NULL or head.broker_addr.data == NULL:
            return None
        return self._hot.live_table.find(
            head.cluster_name.data, head.cluster_name.length,
            head.broker_addr.data, head.broker_addr.length,
        )

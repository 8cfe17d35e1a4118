"""One connection: bytes in, bytes out (docs/architecture.md, the way of a byte).

Rules for all input of a peer:
1. `receive` and `resume` never raise for it; `fault` is the reason to close.
2. Answers leave in the order of the requests.
3. There is one way to pause: `pause` is set, input is kept, `resume` continues.
"""

import re
from collections.abc import Container, Set
from typing import Final

from namesrv._pure.frame import FrameDecoder
from namesrv._pure.head import read_head
from namesrv._pure.hot_path import HotPath
from namesrv._pure.live_table import BrokerLiveInfo
from namesrv.carried_brokers import CarriedBrokers
from namesrv.codes import (
    FLAG_ONEWAY,
    FLAG_RESPONSE,
    VERSION_V4_9_4,
    ZONE_MODE,
    RequestCode,
)
from namesrv.errors import ConnectionEnded, ConnectionFault
from namesrv.hot_path import (
    ANY_VERSION,
    LARGE_REGISTRATION_BYTES,
    OUTPUT_PAUSE_BYTES,
    Frame,
    Head,
    HotCode,
    Pause,
    check_bytes,
    check_instance,
    check_int32,
    check_millis,
    check_size,
    check_text,
)
from namesrv.wire.answer_frames import answer_frame, success_header
from namesrv.wire.bodies import DataVersion, write_data_version

_DATA_VERSION: Final = re.compile(
    rb'\{"counter":(0|[1-9][0-9]{0,17}),"stateVersion":(0|[1-9][0-9]{0,17}),'
    rb'"timestamp":(0|[1-9][0-9]{0,17})\}'
)
_SIGNS_OF_LIFE: Final = (
    RequestCode.REGISTER_BROKER,
    RequestCode.QUERY_DATA_VERSION,
    RequestCode.BROKER_HEARTBEAT,
)


class Connection:
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

    __slots__ = (
        "__weakref__",
        "_decoder",
        "_hot",
        "_noted_bytes",
        "brokers",
        "client_version",
        "fault",
        "finished",
        "last_active_ms",
        "has_side_effects",
        "pause",
        "progress_ms",
        "read_ms",
        "remote_address",
        "socket_address",
        "waiting_code",
    )

    def __init__(self, hot: HotPath, remote_address: str) -> None:
        check_instance("hot", hot, HotPath)
        check_text("remote_address", remote_address)
        self._hot = hot
        self._decoder = FrameDecoder(hot.frame_max_bytes, hot.header_max_bytes)
        self._noted_bytes = 0
        self.brokers = CarriedBrokers()
        self.remote_address = remote_address
        self.socket_address = remote_address
        self.pause: int = Pause.NONE
        self.fault: ConnectionFault | None = None
        self.finished = False
        self.has_side_effects = False
        self.last_active_ms = 0
        self.read_ms = 0
        self.waiting_code = 0
        self.progress_ms = 0
        self.client_version: int = ANY_VERSION

    @property
    def buffered_bytes(self) -> int:
        """Bytes of kept input: parts of frames, and whole frames while paused."""
        return self._decoder.buffered_bytes

    @property
    def registered(self) -> Set[tuple[str, str]]:
        """(cluster, address) of each live broker that the connection carries."""
        return self.brokers.live

    @property
    def is_done(self) -> bool:
        """Whether no more output will come, so that the connection can be closed."""
        return self.fault is not None or (self.finished and self.pause == Pause.NONE)

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """Process input; the bytes to send, in the order of the requests."""
        check_millis("now_ms", now_ms)
        check_bytes("data", data)
        self.last_active_ms = now_ms
        self.read_ms = now_ms
        self._hot.received_bytes += len(data)
        if self.fault is not None:
            return b""
        self.has_side_effects = self.pause != Pause.NONE or self.finished
        self._decoder.feed(data)
        output = self._run(b"", now_ms) if self.pause == Pause.NONE else b""
        self._note_buffered(len(data), now_ms)
        return output

    def resume(self, now_ms: int, answer: bytes = b"") -> bytes:
        """Continue after a pause; `answer` is the late answer, if one was awaited."""
        check_millis("now_ms", now_ms)
        check_bytes("answer", answer)
        self.last_active_ms = now_ms
        if self.fault is not None:
            return b""
        self.pause = Pause.NONE
        self.has_side_effects = True
        output = self._run(answer, now_ms)
        self._note_buffered(0, now_ms)
        return output

    def finish(self) -> None:
        """The peer closed its side; requests read so far are still answered."""
        self.finished = True
        self.has_side_effects = True

    def fail(self, fault: ConnectionFault) -> None:
        """Set the reason to close the connection, unless it has one already."""
        check_instance("fault", fault, ConnectionFault)
        if self.fault is None:
            self.fault = fault
            self.has_side_effects = True

    def hold(self, pause: int) -> None:
        """Stay paused, for another reason: a late answer was sent, and the requests
        behind it wait."""
        self.pause = Pause(pause)
        self.waiting_code = 0

    def note_activity(self, now_ms: int) -> None:
        """Bytes moved that are not a frame yet, so the connection is not idle."""
        check_millis("now_ms", now_ms)
        self.last_active_ms = now_ms

    def note_side_effects(self) -> None:
        """The layer around it paused, failed or kept input during this call."""
        self.has_side_effects = True

    def note_sent(self, sent_bytes: int) -> None:
        """Count pieces of a long answer, and late answers that are sent in a pause."""
        self._hot.sent_bytes += check_size("sent_bytes", sent_bytes)

    def note_version(self, version: int) -> None:
        """Note the version of the client in the request under way."""
        self.client_version = check_int32("version", version)

    def name_peer(self, remote_address: str) -> None:
        """Take the text for logs from a PROXY header."""
        check_text("remote_address", remote_address)
        self.remote_address = remote_address

    def take_next(self, wanted_codes: Container[int]) -> Frame | None:
        """The next request if it is whole, short, and has one of these codes."""
        try:
            frame = self._decoder.next_frame()
        except ConnectionFault:
            return None  # it comes again, after the request under way
        if frame is None:
            return None
        head = read_head(frame.serialize_type, frame.header)
        is_large = len(frame.body or b"") >= LARGE_REGISTRATION_BYTES
        if head is None or is_large or head.flag & FLAG_RESPONSE:
            self._decoder.put_back()
            return None
        if head.code not in wanted_codes:
            self._decoder.put_back()
            return None
        return frame

    def abandon(self) -> None:
        """The connection ended: drop requests that were read and not yet handled,
        because others may hold a reference to it for longer."""
        self._decoder = FrameDecoder(
            self._hot.frame_max_bytes, self._hot.header_max_bytes
        )
        self._noted_bytes = 0
        if self.fault is None:
            self.fault = ConnectionEnded()

    def _note_buffered(self, received_bytes: int, now_ms: int) -> None:
        noted_bytes = self._noted_bytes
        buffered_bytes = self._decoder.buffered_bytes
        if not buffered_bytes and not noted_bytes:
            return
        if not noted_bytes or buffered_bytes < noted_bytes + received_bytes:
            self.progress_ms = now_ms
        self._noted_bytes = buffered_bytes
        self.has_side_effects = True

    def _run(self, first: bytes, now_ms: int) -> bytes:
        output = [first]
        size = len(first)
        try:
            while self.pause == Pause.NONE:
                frame = self._decoder.next_frame()
                if frame is None:
                    break
                answer = self._handle(frame, now_ms)
                output.append(answer)
                size += len(answer)
                if size >= OUTPUT_PAUSE_BYTES and self.pause == Pause.NONE:
                    self.pause = Pause.OUTPUT
                    self.waiting_code = 0
                    self.has_side_effects = True
        except ConnectionFault as fault:
            # The traceback's frames would keep this connection and its input alive.
            fault.__traceback__ = fault.__context__ = None
            self.fault = fault
            self.has_side_effects = True
        if self.pause != Pause.NONE:
            self._decoder.release()
        answers = b"".join(output)
        self._hot.sent_bytes += len(answers)
        return answers

    def _handle(self, frame: Frame, now_ms: int) -> bytes:
        body = frame.body
        head = read_head(frame.serialize_type, frame.header)
        is_large = body is not None and len(body) >= LARGE_REGISTRATION_BYTES
        if is_large and not self._take_turn(head):
            return b""
        if head is not None and not head.flag & FLAG_RESPONSE:
            answer = self._hot_answer(frame, head, now_ms)
            if answer is not None:
                self.client_version = head.version
                return b"" if head.flag & FLAG_ONEWAY else answer
        return self._cold(frame, head, now_ms)

    def _cold(self, frame: Frame, head: Head | None, now_ms: int) -> bytes:
        self.has_side_effects = True
        answer = self._hot.cold_path(
            frame.serialize_type, frame.header, frame.body, self, now_ms
        )
        if answer is None:
            self.pause = Pause.LATER
            return b""
        if answer is Pause.TURN:
            self._put_back(head)
            return b""
        check_bytes("answer", answer)
        return answer

    def _take_turn(self, head: Head | None) -> bool:
        """Pause before a large frame if another one had this turn, else after it."""
        self.has_side_effects = True
        if self._hot.turn_taken:
            self._put_back(head)
            return False
        self.pause = Pause.TURN
        self.waiting_code = 0 if head is None else head.code
        self._hot.turn_taken = True
        return True

    def _put_back(self, head: Head | None) -> None:
        """The request comes again in another turn. A broker's sign of life counts
        from the time it was read, unless the processor has to check it first."""
        self.pause = Pause.TURN
        self.waiting_code = 0 if head is None else head.code
        self._decoder.put_back()
        if head is None or not self._hot.hot_codes & HotCode.HEARTBEAT:
            return
        if head.code in _SIGNS_OF_LIFE and not head.flag & FLAG_RESPONSE:
            info = self._live_info(head.ext_fields or {})
            if info is not None and info.last_update_timestamp < self.read_ms:
                info.last_update_timestamp = self.read_ms

    def _hot_answer(self, frame: Frame, head: Head, now_ms: int) -> bytes | None:
        """The answer, or None for a request that the processor must handle."""
        ext_fields = head.ext_fields
        if ext_fields is None:
            return None
        code, body = head.code, frame.body
        hot_codes = self._hot.hot_codes
        if code == RequestCode.GET_ROUTEINFO_BY_TOPIC:
            return self._route(frame, head) if hot_codes & HotCode.ROUTE else None
        if hot_codes & HotCode.HEARTBEAT:
            if code == RequestCode.BROKER_HEARTBEAT:
                return self._heartbeat(head, ext_fields, now_ms)
            if code == RequestCode.QUERY_DATA_VERSION:
                return self._query_data_version(head, ext_fields, body, now_ms)
        if code == RequestCode.REGISTER_BROKER and hot_codes & HotCode.REGISTRATION:
            return self._repeated_registration(head, ext_fields, body, now_ms)
        return None

    def _route(self, frame: Frame, head: Head) -> bytes | None:
        ext_fields = head.ext_fields or {}
        topic = ext_fields.get("topic")
        if topic is None or ext_fields.get(ZONE_MODE) is not None:
            return None
        wish = ext_fields.get("acceptStandardJsonOnly") or ""
        standard = head.version >= VERSION_V4_9_4 or wish.lower() == "true"
        hot, answers = self._hot, self._hot.route_answers
        is_one_way, before = bool(head.flag & FLAG_ONEWAY), answers.unknown
        answer = answers.answer(topic, standard, head.opaque, is_one_way)
        if before < answers.unknown >= answers.sample_at:
            hot.note_unknown(frame.serialize_type, frame.header, self.remote_address)
        return answer

    def _heartbeat(
        self, head: Head, ext_fields: dict[str, str | None], now_ms: int
    ) -> bytes | None:
        cluster_name = ext_fields.get("clusterName")
        broker_addr = ext_fields.get("brokerAddr")
        if cluster_name is None or broker_addr is None:
            return None
        self._hot.live_table.touch(cluster_name, broker_addr, now_ms)
        self._hot.heartbeats += 1
        return answer_frame(success_header(head.opaque), b"")

    def _query_data_version(
        self,
        head: Head,
        ext_fields: dict[str, str | None],
        body: bytes | None,
        now_ms: int,
    ) -> bytes | None:
        info = self._live_info(ext_fields)
        numbers = _DATA_VERSION.fullmatch(body or b"")
        if info is None or info.data_version is None or numbers is None:
            return None
        counter, state_version, timestamp = map(int, numbers.groups())
        received = DataVersion(counter, state_version, timestamp)
        changed = "true" if received != info.data_version else "false"
        info.last_update_timestamp = now_ms
        self._hot.version_queries += 1
        header = success_header(head.opaque, f'{{"changed":"{changed}"}}')
        return answer_frame(header, write_data_version(info.data_version).encode())

    def _repeated_registration(
        self,
        head: Head,
        ext_fields: dict[str, str | None],
        body: bytes | None,
        now_ms: int,
    ) -> bytes | None:
        info = self._live_info(ext_fields)
        if info is None or info.digest is None or info.owner is not self:
            return None
        if not self._hot.repeats(info.digest, head.version, ext_fields, body):
            return None
        self._hot.live_table.renew(info, self, now_ms)
        self._hot.unchanged_registrations += 1
        if head.flag & FLAG_ONEWAY:
            return b""
        header = success_header(head.opaque, info.answer_ext_fields)
        return answer_frame(header, self._hot.order_topic_body)

    def _live_info(self, ext_fields: dict[str, str | None]) -> BrokerLiveInfo | None:
        cluster_name = ext_fields.get("clusterName")
        broker_addr = ext_fields.get("brokerAddr")
        if cluster_name is None or broker_addr is None:
            return None
        return self._hot.live_table.get(cluster_name, broker_addr)

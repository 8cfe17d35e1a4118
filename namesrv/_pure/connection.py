"""One connection: bytes in, bytes out (docs/architecture.md, the way of a byte).

Rules that hold whatever a peer sends:
1. `receive` and `resume` never raise for it; `fault` says why it must be closed.
2. Answers leave in the order of the requests.
3. There is one way to pause: `pause` is set, input is kept, `resume` goes on.
"""

import re
import zlib
from collections.abc import Callable, Set
from typing import Final, Literal

from namesrv._pure.frame import FrameDecoder
from namesrv._pure.head import read_head
from namesrv._pure.live_table import BrokerLiveInfo, BrokerLiveTable
from namesrv._pure.route_answers import RouteAnswers
from namesrv.codes import (
    FLAG_ONEWAY,
    FLAG_RESPONSE,
    VERSION_V4_9_4,
    ZONE_MODE,
    RequestCode,
)
from namesrv.errors import ConnectionFault
from namesrv.hot_path import (
    LARGE_REGISTRATION_BYTES,
    OUTPUT_PAUSE_BYTES,
    Frame,
    Head,
    HotCode,
    Pause,
    check_bytes,
    check_instance,
    check_millis,
    check_size,
    check_text,
)
from namesrv.wire.answer_frames import answer_frame, success_header
from namesrv.wire.bodies import DataVersion, write_data_version
from namesrv.wire.registration_digest import registration_digest

_DATA_VERSION: Final = re.compile(
    rb'\{"counter":(0|[1-9][0-9]{0,17}),"stateVersion":(0|[1-9][0-9]{0,17}),'
    rb'"timestamp":(0|[1-9][0-9]{0,17})\}'
)
_NOBODY: Final[Set[tuple[str, str]]] = frozenset()
_CRC32_MASK: Final = 0x7FFFFFFF
_CRC32_FIELD: Final = re.compile(r"[1-9][0-9]{0,9}")

ColdAnswer = bytes | Literal[Pause.TURN] | None
ColdPath = Callable[[int, bytes, bytes | None, "Connection", int], ColdAnswer]
"""(serialize type, header, body, connection, now_ms) -> answer frame, empty for none;
None when the answer will come with `resume`; `Pause.TURN` when nothing was done and the
request is to come again in another turn of the loop. Raises ConnectionFault."""


class HotPath:
    """What all connections share: the tables, the mask, and the way to the processor.

    `hot_codes` is a HotCode mask; `order_topic_body` is the body that every
    registration is answered with, empty for none; `turn_taken` says that a large
    registration was handled in this turn of the loop (the server resets it).
    """

    __slots__ = (
        "cold_path",
        "frame_max_bytes",
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
    ) -> None:
        check_instance("route_answers", route_answers, RouteAnswers)
        check_instance("live_table", live_table, BrokerLiveTable)
        self.route_answers = route_answers
        self.live_table = live_table
        self.cold_path = cold_path
        self.frame_max_bytes = check_size("frame_max_bytes", frame_max_bytes)
        self.hot_codes: int = HotCode.NONE
        self.order_topic_body = b""
        self.turn_taken = False


class Connection:
    """One peer. `remote_address` is its text for logs, which a PROXY header may change;
    `socket_address` stays what the socket says.

    `pause` says why it stopped parsing; `fault` why it must close; `finished` that
    the peer sends no more. `needs_care` says that more than bytes to send came of the
    last call; `last_active_ms` is when it was.
    """

    __slots__ = (
        "__weakref__",
        "_decoder",
        "_hot",
        "_noted_bytes",
        "_registered",
        "fault",
        "finished",
        "last_active_ms",
        "needs_care",
        "pause",
        "remote_address",
        "socket_address",
    )

    def __init__(self, hot: HotPath, remote_address: str) -> None:
        check_instance("hot", hot, HotPath)
        check_text("remote_address", remote_address)
        self._hot = hot
        self._decoder = FrameDecoder(hot.frame_max_bytes)
        self._noted_bytes = 0
        self._registered: set[tuple[str, str]] | None = None
        self.remote_address = remote_address
        self.socket_address = remote_address
        self.pause: int = Pause.NONE
        self.fault: ConnectionFault | None = None
        self.finished = False
        self.needs_care = False
        self.last_active_ms = 0

    @property
    def buffered_bytes(self) -> int:
        """Input that is kept: parts of frames, and whole frames while paused."""
        return self._decoder.buffered_bytes

    @property
    def registered(self) -> Set[tuple[str, str]]:
        """(cluster, address) of each broker that it registered."""
        return _NOBODY if self._registered is None else self._registered

    @property
    def is_done(self) -> bool:
        """Whether nothing more will come out: close it."""
        return self.fault is not None or (self.finished and self.pause == Pause.NONE)

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """Take what was read; the bytes to send, in request order."""
        check_millis("now_ms", now_ms)
        check_bytes("data", data)
        self.last_active_ms = now_ms
        if self.fault is not None:
            return b""
        self.needs_care = self.pause != Pause.NONE or self.finished
        self._decoder.feed(data)
        output = self._run(b"", now_ms) if self.pause == Pause.NONE else b""
        self._note_buffered()
        return output

    def resume(self, now_ms: int, answer: bytes = b"") -> bytes:
        """Go on after a pause; `answer` is the one that had to wait."""
        check_millis("now_ms", now_ms)
        check_bytes("answer", answer)
        self.last_active_ms = now_ms
        if self.fault is not None:
            return b""
        self.pause = Pause.NONE
        self.needs_care = True
        output = self._run(answer, now_ms)
        self._note_buffered()
        return output

    def finish(self) -> None:
        """The peer closed its side; what was read is still answered."""
        self.finished = True
        self.needs_care = True

    def add_registered(self, key: tuple[str, str]) -> None:
        """A broker registered on this connection; `key` is (cluster, address)."""
        if self._registered is None:
            self._registered = set()
        self._registered.add(key)

    def discard_registered(self, key: tuple[str, str]) -> None:
        """That broker is gone."""
        if self._registered is not None:
            self._registered.discard(key)

    def _note_buffered(self) -> None:
        buffered_bytes = self._decoder.buffered_bytes
        if buffered_bytes != self._noted_bytes:
            self._noted_bytes = buffered_bytes
            self.needs_care = True

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
                    self.needs_care = True
        except ConnectionFault as fault:
            # Their frames would keep this connection and its input alive, in a circle.
            fault.__traceback__ = fault.__context__ = None
            self.fault = fault
            self.needs_care = True
        return b"".join(output)

    def _handle(self, frame: Frame, now_ms: int) -> bytes:
        body = frame.body
        is_large = body is not None and len(body) >= LARGE_REGISTRATION_BYTES
        if is_large and not self._take_turn():
            return b""
        head = read_head(frame.serialize_type, frame.header)
        if head is not None and not head.flag & FLAG_RESPONSE:
            answer = self._hot_answer(head, body, now_ms)
            if answer is not None:
                return b"" if head.flag & FLAG_ONEWAY else answer
        return self._cold(frame, now_ms)

    def _cold(self, frame: Frame, now_ms: int) -> bytes:
        self.needs_care = True
        answer = self._hot.cold_path(
            frame.serialize_type, frame.header, frame.body, self, now_ms
        )
        if answer is None:
            self.pause = Pause.LATER
            return b""
        if answer is Pause.TURN:
            self.pause = Pause.TURN
            self._decoder.put_back()
            return b""
        check_bytes("answer", answer)
        return answer

    def _take_turn(self) -> bool:
        """Pause, before a large frame if another had this turn, else after it."""
        self.pause = Pause.TURN
        self.needs_care = True
        if self._hot.turn_taken:
            self._decoder.put_back()
            return False
        self._hot.turn_taken = True
        return True

    def _hot_answer(self, head: Head, body: bytes | None, now_ms: int) -> bytes | None:
        """The answer, or None when the processor must be asked."""
        ext_fields = head.ext_fields
        if ext_fields is None:
            return None
        code = head.code
        hot_codes = self._hot.hot_codes
        if code == RequestCode.GET_ROUTEINFO_BY_TOPIC:
            return self._route(head, ext_fields) if hot_codes & HotCode.ROUTE else None
        if hot_codes & HotCode.HEARTBEAT:
            if code == RequestCode.BROKER_HEARTBEAT:
                return self._heartbeat(head, ext_fields, now_ms)
            if code == RequestCode.QUERY_DATA_VERSION:
                return self._query_data_version(head, ext_fields, body, now_ms)
        if code == RequestCode.REGISTER_BROKER and hot_codes & HotCode.REGISTRATION:
            return self._repeated_registration(head, ext_fields, body, now_ms)
        return None

    def _route(self, head: Head, ext_fields: dict[str, str | None]) -> bytes | None:
        topic = ext_fields.get("topic")
        if topic is None or ext_fields.get(ZONE_MODE) is not None:
            return None
        standard = head.version >= VERSION_V4_9_4
        if not standard:
            wish = ext_fields.get("acceptStandardJsonOnly")
            standard = wish is not None and wish.lower() == "true"
        return self._hot.route_answers.answer(topic, standard, head.opaque)

    def _heartbeat(
        self, head: Head, ext_fields: dict[str, str | None], now_ms: int
    ) -> bytes | None:
        cluster_name = ext_fields.get("clusterName")
        broker_addr = ext_fields.get("brokerAddr")
        if cluster_name is None or broker_addr is None:
            return None
        self._hot.live_table.touch(cluster_name, broker_addr, now_ms)
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
        if info is None or info.digest is None or body is None:
            return None
        if self._hot.hot_codes & HotCode.OWNER_ONLY and info.owner is not self:
            return None
        checksum = ext_fields.get("bodyCrc32")
        if checksum is None or not _CRC32_FIELD.fullmatch(checksum):
            return None
        if int(checksum) != zlib.crc32(body) & _CRC32_MASK:
            return None
        if info.digest != registration_digest(head.version, ext_fields, body):
            return None
        self._hot.live_table.renew(info, self, now_ms)
        self.add_registered(info.key)
        header = success_header(head.opaque, info.answer_ext_fields)
        return answer_frame(header, self._hot.order_topic_body)

    def _live_info(self, ext_fields: dict[str, str | None]) -> BrokerLiveInfo | None:
        cluster_name = ext_fields.get("clusterName")
        broker_addr = ext_fields.get("brokerAddr")
        if cluster_name is None or broker_addr is None:
            return None
        return self._hot.live_table.get(cluster_name, broker_addr)

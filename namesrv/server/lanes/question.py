"""Lookups that a lane cannot answer, as a connection that lasts until they are."""

import asyncio
from collections.abc import Callable, Iterator

from namesrv._impl import LanePeer
from namesrv.hot_path import OUTPUT_PAUSE_BYTES, Pause
from namesrv.server.connections.registry import Connections
from namesrv.server.connections.slices import SLICE_BYTES


class _NoSocket(asyncio.Transport):
    """The transport of a question: the socket is the lane's."""

    def __init__(self, question: "Question") -> None:
        super().__init__()
        self._question = question

    def abort(self) -> None:
        """Close the connection that asked."""
        self._question.close()


class Question:
    """Whole lookups of one connection of a lane, which sleeps meanwhile.

    The rules are those of other connections: turns, busy groups, work in steps. Output
    is sent when the question waits or ends, at the latest when it is 1 MiB; the lane
    asks the rest again. `on_end` is called at the end unless the connection was closed;
    `answered_bytes`, and the `output` that the socket did not take, are the result.
    """

    __slots__ = (
        "_connections",
        "_is_in_line",
        "_on_end",
        "answered_bytes",
        "closing_since_ms",
        "connection",
        "output",
        "peer",
        "transport",
    )

    has_sent = True
    was_admitted = True
    is_tls = False
    is_http = False
    is_lasting = False
    handshake_since_ms = None
    request_since_ms = None

    def __init__(
        self,
        connections: Connections,
        peer: LanePeer,
        remote_address: str,
        on_end: Callable[["Question"], None],
    ) -> None:
        self._connections = connections
        self._is_in_line = False
        self._on_end = on_end
        self.output = bytearray()
        self.answered_bytes = 0
        self.closing_since_ms: int | None = None
        self.peer = peer
        self.connection = connections.create(remote_address)
        self.transport: asyncio.Transport = _NoSocket(self)

    @property
    def input_bytes(self) -> int:
        """Bytes of requests that wait."""
        return self.connection.buffered_bytes

    @property
    def progress_ms(self) -> int:
        """The time at which it began."""
        return self.connection.progress_ms

    @property
    def unsent_bytes(self) -> int:
        """Bytes of answers that the socket has not taken."""
        return len(self.output)

    def begin(self) -> None:
        """Ask."""
        self._connections.begin_question(self)
        data = self.peer.input[: self.peer.asked]
        self._care(self.connection.receive(data, self._connections.now_ms))

    def resume(self, answer: bytes | None = None) -> None:
        """Continue after a pause, with the late answer if one was awaited."""
        self._is_in_line = False
        if self.closing_since_ms is not None:
            return
        connection, connections = self.connection, self._connections
        waits = bool(connection.buffered_bytes) and connections.are_waiting
        if connections.is_halted or (answer is not None and waits):
            # Others have their turn first, as after late answers of other connections.
            connection.hold(Pause.TURN)
            connection.note_sent(len(answer or b""))
            self._care(answer or b"")
        else:
            self._care(connection.resume(connections.now_ms, answer or b""))

    def send_pieces(self, pieces: Iterator[bytes], kept_bytes: int) -> None:
        """Lookups have no answers in pieces, and would get them as one."""
        self.resume(b"".join(pieces))

    def close(self) -> None:
        """Close the connection that asked."""
        if self.closing_since_ms is None:
            self.send()
            self.cut_off()

    def cut_off(self) -> None:
        """Close the connection that asked, and drop its input and output."""
        if self.closing_since_ms is None:
            self._end()
            self.peer.end()

    def send(self) -> None:
        """Send as much of the output as the socket takes, in slices as other output. A
        lane has nothing to do with it meanwhile."""
        while self.output:
            piece = bytes(memoryview(self.output)[:SLICE_BYTES])
            sent = self.peer.send(piece)
            del self.output[:sent]
            if sent < len(piece):
                return

    def time_out(self) -> None:
        """Only requests of HTTP have a deadline."""

    def stop_reading(self) -> None:
        """It has all its input."""

    def _care(self, output: bytes) -> None:
        """Handle the side effects of a call; the question may be answered then."""
        self.output += output
        self._connections.after_call(self)
        connection = self.connection
        if self.closing_since_ms is not None:
            return
        if connection.fault is not None:
            self._connections.report_fault(self, connection.fault)
            self.close()
        elif connection.pause != Pause.LATER and self._is_enough:
            self._answer()
        else:
            self._wait()

    def _wait(self) -> None:
        """Others have their turn, or a registration ends, before the next answer."""
        self.send()
        if self.output:
            self._connections.blocked(self, 0)
        else:
            self._connections.unblocked(self)
        if self.connection.pause != Pause.LATER and not self._is_in_line:
            self._is_in_line = True
            self._connections.take_turn(self)

    @property
    def _is_enough(self) -> bool:
        return (
            self.connection.pause == Pause.NONE
            or len(self.output) >= OUTPUT_PAUSE_BYTES
            or self._connections.is_halted
        )

    def _answer(self) -> None:
        self.answered_bytes = self.peer.asked - self.connection.buffered_bytes
        self.send()
        self._end()
        self._on_end(self)

    def _end(self) -> None:
        self.closing_since_ms = self._connections.now_ms
        self._connections.end_question(self)

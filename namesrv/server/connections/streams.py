"""The stream of bytes of one connection, with its three kinds, and its conversation.

A stream begins with its first bytes. They decide whether the rest is a plain stream or
a TLS stream (`namesrv/server/tls/stream.py`), which then takes the place of this one.
The plain bytes of either belong to a conversation: to the `Connection` itself, which
speaks RocketMQ's protocol, or to one that speaks HTTP.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from namesrv._impl import Connection
from namesrv.errors import ConnectionFault
from namesrv.server.connections.conversation import Conversation
from namesrv.server.connections.first_bytes import Sniffer, is_http
from namesrv.server.connections.slices import SLICE_BYTES, write_slices

if TYPE_CHECKING:
    import asyncio


class Stream(Protocol):
    """Bytes of the socket on one side, a conversation on the other.

    Peers bind `receive` and `write` once, because they run for each read.
    """

    @property
    def receive(self) -> Callable[[bytes, int], bytes]:
        """As `Connection.receive`, for the bytes of the socket; answers are plain."""

    @property
    def write(self) -> Callable[[bytes], None]:
        """Send plain bytes."""

    @property
    def kept_bytes(self) -> int:
        """Bytes of input kept here, before they reach the connection."""

    @property
    def progress_ms(self) -> int:
        """The last time at which no input was kept here; 0 if there was none."""

    @property
    def handshake_since_ms(self) -> int | None:
        """The start of a handshake under way, or None."""

    def end_output(self) -> None:
        """Send the remaining output and the end of it, and go on reading."""

    def close(self) -> None:
        """Send the remaining output and close."""


class FirstBytes:
    """A stream whose kind is unknown yet. `begin` makes the next one, binds it, and
    raises ConnectionFault if the stream is refused. `request_since_ms` is the time of
    the first read that may begin HTTP, None as long as there is none."""

    __slots__ = ("_begin", "_connection", "_sniffer", "_transport", "request_since_ms")

    progress_ms = 0
    handshake_since_ms = None

    def __init__(
        self,
        transport: "asyncio.Transport",
        connection: Connection,
        begin: Callable[[Sniffer], Stream],
        *,
        knows_http: bool,
    ) -> None:
        self._transport = transport
        self._connection = connection
        self._begin = begin
        self._sniffer = Sniffer(knows_http=knows_http)
        self.request_since_ms: int | None = None

    @property
    def kept_bytes(self) -> int:
        """The part of a PROXY header, or of the first word of HTTP, that has come."""
        return self._sniffer.kept_bytes

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """Take bytes until they decide the kind of stream, then pass them on."""
        connection = self._connection
        connection.note_activity(now_ms)
        output = b""
        if connection.fault is None:
            try:
                output = self._decide(data, now_ms)
            except ConnectionFault as fault:
                connection.fail(fault)
        # The budget counts the bytes of a PROXY header, and frees them at its end.
        connection.note_side_effects()
        return output

    def _decide(self, data: bytes, now_ms: int) -> bytes:
        begun = self._sniffer.feed(data)
        if begun is None:
            # They may be the beginning of a request, which has its deadline.
            if self.request_since_ms is None and self._sniffer.may_be_http:
                self.request_since_ms = now_ms
            return b""
        return self._begin(self._sniffer).receive(begun, now_ms)

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._transport.write(data)

    def end_output(self) -> None:
        """Send the remaining output and the end of it."""
        self._transport.write_eof()

    def close(self) -> None:
        """Send the remaining output and close."""
        self._transport.close()


class PlainStream:
    """A plain stream: the socket's bytes are those of the conversation."""

    __slots__ = ("_transport", "receive")

    kept_bytes = 0
    progress_ms = 0
    handshake_since_ms = None

    def __init__(
        self, transport: "asyncio.Transport", conversation: Conversation
    ) -> None:
        self._transport = transport
        self.receive: Callable[[bytes, int], bytes] = conversation.receive

    @property
    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        if len(data) <= SLICE_BYTES:
            self._transport.write(data)
        else:
            write_slices(self._transport, data)

    def end_output(self) -> None:
        """Send the remaining output and the end of it."""
        self._transport.write_eof()

    def close(self) -> None:
        """Send the remaining output and close."""
        self._transport.close()


class FirstWords:
    """A conversation inside TLS whose protocol is unknown yet; `begin` makes it, for
    HTTP or not, and puts it in the place of this one. `request_since_ms` is the time
    of the first read that may begin HTTP, None as long as there is none."""

    __slots__ = ("_begin", "_connection", "_kept", "request_since_ms")

    progress_ms = 0

    def __init__(
        self, connection: Connection, begin: Callable[[bool], Conversation]
    ) -> None:
        self._connection = connection
        self._begin = begin
        self._kept = b""
        self.request_since_ms: int | None = None

    @property
    def buffered_bytes(self) -> int:
        """The part of the first word that has come."""
        return len(self._kept)

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """Take bytes until they decide between HTTP and frames, then pass them on."""
        kept = self._kept + data
        found = is_http(kept)
        self._kept = b"" if found is not None else kept
        if found is not None:
            try:
                return self._begin(found).receive(kept, now_ms)
            except ConnectionFault as fault:
                self._connection.fail(fault)
        elif self.request_since_ms is None and kept:
            self.request_since_ms = now_ms
        self._connection.note_activity(now_ms)
        self._connection.note_side_effects()
        return b""

    def resume(self, now_ms: int, answer: bytes = b"") -> bytes:
        """Nothing was paused yet."""
        return self._connection.resume(now_ms, answer)

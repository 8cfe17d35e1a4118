"""The stream of bytes of one connection, with its three kinds.

It begins with its first bytes. They decide whether the rest is a plain stream or a TLS
stream (`namesrv/server/tls/stream.py`), which then takes the place of this one.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from namesrv._impl import Connection
from namesrv.errors import ConnectionFault
from namesrv.server.connections.first_bytes import Sniffer

if TYPE_CHECKING:
    import asyncio


class Stream(Protocol):
    """Bytes of the socket on one side, a `Connection` on the other.

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

    def close(self) -> None:
        """Send the remaining output and close."""


class FirstBytes:
    """A stream whose kind is unknown yet. `begin` makes the next one, binds it, and
    raises ConnectionFault if the stream is refused."""

    __slots__ = ("_begin", "_connection", "_sniffer", "_transport")

    progress_ms = 0
    handshake_since_ms = None

    def __init__(
        self,
        transport: "asyncio.Transport",
        connection: Connection,
        begin: Callable[[Sniffer], Stream],
    ) -> None:
        self._transport = transport
        self._connection = connection
        self._begin = begin
        self._sniffer = Sniffer()

    @property
    def kept_bytes(self) -> int:
        """The part of a PROXY header that has come."""
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
            return b""
        return self._begin(self._sniffer).receive(begun, now_ms)

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._transport.write(data)

    def close(self) -> None:
        """Send the remaining output and close."""
        self._transport.close()


class PlainStream:
    """A plain stream: the socket's bytes are those of the connection."""

    __slots__ = ("_transport", "receive", "write")

    kept_bytes = 0
    progress_ms = 0
    handshake_since_ms = None

    def __init__(self, transport: "asyncio.Transport", connection: Connection) -> None:
        self._transport = transport
        self.receive: Callable[[bytes, int], bytes] = connection.receive
        self.write: Callable[[bytes], None] = transport.write

    def close(self) -> None:
        """Send the remaining output and close."""
        self._transport.close()

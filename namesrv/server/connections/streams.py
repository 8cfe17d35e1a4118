"""The stream of bytes of one connection, as the connection's peer knows it.

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

    `receive` and `write` run for each read, so that a peer binds them once.
    """

    @property
    def receive(self) -> Callable[[bytes, int], bytes]:
        """As `Connection.receive`, for the bytes of the socket; answers are plain."""

    @property
    def write(self) -> Callable[[bytes], None]:
        """Send plain bytes."""

    @property
    def kept_bytes(self) -> int:
        """Input that is kept here, in front of the connection."""

    @property
    def progress_ms(self) -> int:
        """When everything that was kept here had been used, 0 if nothing ever was."""

    @property
    def handshake_since_ms(self) -> int | None:
        """When the handshake that is under way began; None for none."""

    def close(self) -> None:
        """Send the rest and close."""


class FirstBytes:
    """A stream that may still become any other. `begin` makes the other one, binds it,
    and raises ConnectionFault if the stream is refused."""

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
        """Take bytes until they show the kind of stream, then hand them on."""
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
        """Send the rest and close."""
        self._transport.close()


class PlainStream:
    """Frames as they are: nothing stands between the socket and the connection."""

    __slots__ = ("_transport", "receive", "write")

    kept_bytes = 0
    progress_ms = 0
    handshake_since_ms = None

    def __init__(self, transport: "asyncio.Transport", connection: Connection) -> None:
        self._transport = transport
        self.receive: Callable[[bytes, int], bytes] = connection.receive
        self.write: Callable[[bytes], None] = transport.write

    def close(self) -> None:
        """Send the rest and close."""
        self._transport.close()

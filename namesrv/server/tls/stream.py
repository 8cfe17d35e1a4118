"""A TLS stream: encrypted bytes of the socket, plain bytes for a conversation.

It takes the place of the plain stream once the first bytes of a connection turn out to
be TLS. A plain connection never meets it.
"""

import ssl
from typing import Protocol

from namesrv._impl import Connection
from namesrv.server.tls.layer import TlsLayer


class SocketSide(Protocol):
    """The plain stream below, which sends encrypted bytes."""

    @property
    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""

    def end_output(self) -> None:
        """Send the remaining output and the end of it."""

    def close(self) -> None:
        """Send the remaining output and close."""


class PlainSide(Protocol):
    """A conversation, as it is known here."""

    @property
    def buffered_bytes(self) -> int:
        """Bytes of kept input."""

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """Process plain input; the plain bytes to send."""


class TlsStream:
    """`handshake_since_ms` is None after the handshake; `progress_ms` is when
    everything that had been decrypted was carried out.

    Buffer limits and pauses are those of the transport: it holds all unsent bytes. The
    layer keeps only records that are not whole.
    """

    __slots__ = (
        "_connection",
        "_conversation",
        "_kept_bytes",
        "_layer",
        "_socket",
        "handshake_since_ms",
        "progress_ms",
    )

    def __init__(
        self,
        socket: SocketSide,
        connection: Connection,
        context: ssl.SSLContext,
        now_ms: int,
    ) -> None:
        self._socket = socket
        self._connection = connection
        self._conversation: PlainSide = connection
        self._layer = TlsLayer(context)
        self._kept_bytes = 0
        self.handshake_since_ms: int | None = now_ms
        self.progress_ms = now_ms

    @property
    def kept_bytes(self) -> int:
        """Input that is kept here."""
        return self._kept_bytes

    def converse(self, conversation: PlainSide) -> None:
        """Pass plain bytes to this conversation from now on, not to the connection."""
        self._conversation = conversation

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """As `Connection.receive`, for encrypted bytes; the answers are plain."""
        layer, connection = self._layer, self._connection
        plain = layer.receive(data)
        output = b""
        if plain:
            output = self._conversation.receive(plain, now_ms)
            if not self._conversation.buffered_bytes:
                self.progress_ms = now_ms
        else:
            connection.note_activity(now_ms)
        if layer.is_open:
            self.handshake_since_ms = None
        if layer.kept_bytes != self._kept_bytes:
            self._kept_bytes = layer.kept_bytes
            connection.note_side_effects()
        if layer.is_finished:
            connection.finish()
        if layer.fault is not None:
            connection.fail(layer.fault)
        # This comes last: a transport that fills up sets `has_side_effects`.
        self._send(layer.take_output())
        return output

    def write(self, data: bytes) -> None:
        """Encrypt and send."""
        self._send(self._layer.send(data))

    def end_output(self) -> None:
        """Send close_notify and the end of the output."""
        self._send(self._layer.finish())
        self._socket.end_output()

    def close(self) -> None:
        """Send close_notify and the rest, and close."""
        self._send(self._layer.finish())
        self._socket.close()

    def _send(self, data: bytes) -> None:
        if data and not self._socket.is_closing:
            self._socket.write(data)

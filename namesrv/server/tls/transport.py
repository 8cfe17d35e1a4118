"""A transport that encrypts: between asyncio's transport and the same `Connection`.

It takes the places of transport and `Connection.receive` in a protocol once a
connection turns out to be TLS; a plain connection never meets it.
"""

import asyncio
import ssl
from typing import Any

from namesrv._impl import Connection
from namesrv.server.tls.layer import TlsLayer


class TlsTransport(asyncio.Transport):
    """Encrypted below, plain above. `handshake_since_ms` is None after the handshake;
    `progress_ms` is when all that had been decrypted was carried out.

    Buffer limits and pauses are those of `inner`: it holds all that was not sent, and
    the layer holds nothing that could be sent or given to the connection.
    """

    __slots__ = (
        "_connection",
        "_kept_bytes",
        "_layer",
        "handshake_since_ms",
        "inner",
        "progress_ms",
    )

    def __init__(
        self,
        inner: asyncio.Transport,
        connection: Connection,
        context: ssl.SSLContext,
        now_ms: int,
    ) -> None:
        super().__init__()
        self.inner = inner
        self._connection = connection
        self._layer = TlsLayer(context)
        self._kept_bytes = 0
        self.handshake_since_ms: int | None = now_ms
        self.progress_ms = now_ms

    @property
    def kept_bytes(self) -> int:
        """Bytes of kept input."""
        return self._kept_bytes

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """As `Connection.receive`, for encrypted bytes; the answers are plain."""
        layer, connection = self._layer, self._connection
        plain = layer.receive(data)
        output = b""
        if plain:
            output = connection.receive(plain, now_ms)
            if not connection.buffered_bytes:
                self.progress_ms = now_ms
        else:
            connection.last_active_ms = now_ms
        if layer.is_open:
            self.handshake_since_ms = None
        if layer.kept_bytes != self._kept_bytes:
            self._kept_bytes = layer.kept_bytes
            connection.needs_care = True
        if layer.is_finished:
            connection.finish()
        if layer.fault is not None and connection.fault is None:
            connection.fault = layer.fault
            connection.needs_care = True
        # Last, because a transport that fills up asks for care.
        self._write_inner(layer.take_output())
        return output

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and write."""
        self._write_inner(self._layer.send(bytes(data)))

    def close(self) -> None:
        """Send close_notify and the rest of the output, then close."""
        self._write_inner(self._layer.finish())
        self.inner.close()

    def abort(self) -> None:
        """Close now; unsent output is dropped."""
        self.inner.abort()

    def is_closing(self) -> bool:
        """Whether it is closing or closed."""
        return self.inner.is_closing()

    def pause_reading(self) -> None:
        """Stop reading."""
        self.inner.pause_reading()

    def resume_reading(self) -> None:
        """Continue reading."""
        self.inner.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Facts of the socket, as asyncio has them."""
        return self.inner.get_extra_info(name, default)

    def _write_inner(self, data: bytes) -> None:
        if data and not self.inner.is_closing():
            self.inner.write(data)

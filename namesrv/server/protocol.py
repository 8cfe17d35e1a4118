"""The asyncio protocol of one connection: feed, write, pause or close, no logic."""

import asyncio
from typing import TYPE_CHECKING, cast

from namesrv._impl import Connection
from namesrv.errors import ConnectionFault
from namesrv.hot_path import Pause
from namesrv.server.clock import monotonic_millis
from namesrv.server.sniff import Sniffer

if TYPE_CHECKING:
    from namesrv.server.connections import Connections


class NamesrvProtocol(asyncio.Protocol):
    """Joins a transport to a `Connection`.

    `last_active_ms` is when bytes last moved; `closing_since_ms` is set once the
    connection is being closed; `buffered_bytes` is what the input budget counts.
    """

    __slots__ = (
        "_blocked",
        "_connections",
        "_reading",
        "_sniffer",
        "buffered_bytes",
        "closing_since_ms",
        "connection",
        "has_sent",
        "last_active_ms",
        "transport",
    )

    def __init__(self, connections: "Connections") -> None:
        self._connections = connections
        self._sniffer: Sniffer | None = Sniffer()
        self._reading = True
        self._blocked = False
        self.buffered_bytes = 0
        self.closing_since_ms: int | None = None
        self.has_sent = False
        self.last_active_ms = monotonic_millis()
        self.transport: asyncio.Transport
        self.connection: Connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the peer's address is for the logs."""
        self.transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        remote = address_text(peer) if peer else "unknown"
        self.connection = self._connections.open(self, remote)

    def data_received(self, data: bytes) -> None:
        """Bytes came: answer them."""
        self.has_sent = True
        self.last_active_ms = monotonic_millis()
        if self._sniffer is not None:
            begun = self._sniff(self._sniffer, data)
            if begun is None:
                return
            data = begun
        self._act(self.connection.receive(data, self.last_active_ms))

    def eof_received(self) -> bool:
        """The peer sends no more: what it sent is answered, then it is closed."""
        self.connection.finish()
        self._act(b"")
        return True

    def pause_writing(self) -> None:
        """The peer does not read: stop reading from it."""
        self._blocked = True
        self._set_reading(False)

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._blocked = False
        self.last_active_ms = monotonic_millis()
        self._act(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, whoever wanted it."""
        self._connections.lost(self)

    def resume(self, answer: bytes = b"") -> None:
        """Go on after a pause, with the answer that had to wait."""
        if self.closing_since_ms is None:
            self.last_active_ms = monotonic_millis()
            self._act(self.connection.resume(self.last_active_ms, answer))

    def close(self) -> None:
        """Send what is left and close; the sweep aborts it if that takes long."""
        if self.closing_since_ms is None:
            self.closing_since_ms = monotonic_millis()
            self.transport.close()

    def _act(self, output: bytes) -> None:
        if output:
            self.transport.write(output)
        connection = self.connection
        self._connections.after_call(self)
        if self.closing_since_ms is not None:
            return
        if connection.fault is not None:
            self._connections.report_fault(self, connection.fault)
            self.close()
        elif connection.is_done:
            self.close()
        elif connection.pause != Pause.NONE:
            self._set_reading(False)
            if connection.pause != Pause.LATER and not self._blocked:
                self._connections.take_turn(self)
        else:
            self._set_reading(not self._blocked)

    def _sniff(self, sniffer: Sniffer, data: bytes) -> bytes | None:
        """The first bytes of the frame stream, None while there are none."""
        try:
            begun = sniffer.feed(data)
        except ConnectionFault as fault:
            self._connections.report_fault(self, fault)
            self.close()
            return None
        if begun is not None:
            self._sniffer = None
            if sniffer.source is not None:
                self.connection.remote_address = address_text(sniffer.source)
        return begun

    def _set_reading(self, wanted: bool) -> None:
        if wanted is self._reading or self.transport.is_closing():
            return
        self._reading = wanted
        if wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()


def address_text(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """`host:port`, an IPv6 host in brackets."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

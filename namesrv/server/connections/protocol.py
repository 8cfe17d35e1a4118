"""The asyncio protocol of one connection: feed, write, pause or close, no logic."""

import asyncio
from collections.abc import Callable, Iterator
from ipaddress import IPv6Address
from typing import Final, cast

from namesrv._impl import Connection
from namesrv.errors import ConnectionFault
from namesrv.hot_path import Pause
from namesrv.server.connections.first_bytes import Sniffer
from namesrv.server.connections.registry import Connections
from namesrv.server.tls.transport import TlsTransport

_PIECE_BYTES: Final = 1 << 16
"""Of a long answer, sent in one turn."""
_MAPPED_IPV4: Final = "::ffff:"
"""How a socket of IPv6 that takes IPv4, too, begins the addresses of the latter."""


class NamesrvProtocol(asyncio.Protocol):
    """Joins a transport to a `Connection`.

    `has_sent` says whether anything ever came; `closing_since_ms` is set once the
    connection is being closed.
    """

    __slots__ = (
        "_blocked",
        "_answer_bytes",
        "_answer_pieces",
        "_connections",
        "_count_unsent",
        "_is_in_line",
        "_reading",
        "_receive",
        "_sniffer",
        "_tls",
        "_write",
        "closing_since_ms",
        "connection",
        "has_sent",
        "transport",
    )

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._sniffer: Sniffer | None = Sniffer()
        self._tls: TlsTransport | None = None
        self._receive: Callable[[bytes, int], bytes] = self._receive_first
        self._reading = True
        self._blocked = False
        self._answer_pieces: Iterator[bytes] | None = None
        self._answer_bytes = 0
        self._is_in_line = False
        self.closing_since_ms: int | None = None
        self.has_sent = False
        self.transport: asyncio.Transport
        self.connection: Connection
        self._write: Callable[[bytes], None]
        self._count_unsent: Callable[[], int]

    @property
    def input_bytes(self) -> int:
        """Input that is kept: parts of a PROXY header, of TLS records or of frames."""
        kept = 0 if self._sniffer is None else self._sniffer.kept_bytes
        if self._tls is not None:
            kept += self._tls.kept_bytes
        return kept + self.connection.buffered_bytes

    @property
    def progress_ms(self) -> int:
        """When something that is kept began, or a frame before it was finished."""
        if self._tls is None:
            return self.connection.progress_ms
        return max(self._tls.progress_ms, self.connection.progress_ms)

    @property
    def handshake_since_ms(self) -> int | None:
        """When its TLS handshake began, if that has not ended."""
        return None if self._tls is None else self._tls.handshake_since_ms

    @property
    def unsent_bytes(self) -> int:
        """Output that the peer has not taken, and what is left of a long answer."""
        return self._count_unsent() + self._answer_bytes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the peer's address is for the logs."""
        self.transport = cast(asyncio.Transport, transport)
        self._write = self.transport.write
        self._count_unsent = self.transport.get_write_buffer_size
        peer = transport.get_extra_info("peername")
        remote = address_text(peer) if peer else "unknown"
        self.connection = self._connections.open(self, remote)

    def data_received(self, data: bytes) -> None:
        """Bytes came: answer them."""
        output = self._receive(data, self._connections.now_ms)
        if output:
            self._write(output)
        if self.connection.has_side_effects:
            self._care(len(output))

    def eof_received(self) -> bool:
        """The peer sends no more: what it sent is answered, then it is closed."""
        self.connection.finish()
        self._care()
        return True

    def pause_writing(self) -> None:
        """The peer does not read: stop reading from it."""
        self._blocked = True
        self._set_reading(False)
        self._connections.blocked(self, 0)
        # The caller that is writing reports the size.
        self.connection.note_side_effects()

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._blocked = False
        self._connections.unblocked(self)
        self.connection.note_activity(self._connections.now_ms)
        self._wait_for_a_piece()
        self._care()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended, from this side or the other."""
        if self.closing_since_ms is None:
            self.closing_since_ms = self._connections.now_ms
        self._connections.lost(self)

    def resume(self, answer: bytes | None = None) -> None:
        """Go on after a pause, with the answer that had to wait, if it was for that.

        Others who wait for their turn have it before the request after that one is
        begun: what one connection has sent ahead must not keep a place for it.
        """
        self._is_in_line = False
        if self.closing_since_ms is not None:
            return
        if self._answer_pieces is not None:
            self._send_piece(self._answer_pieces)
            return
        if self._blocked or self._connections.is_halted:
            # Nobody takes or gets more answers: that one is sent, the rest waits again.
            self.connection.hold(Pause.OUTPUT)
            output = answer or b""
        elif answer is not None and self.input_bytes and self._connections.are_waiting:
            self.connection.hold(Pause.TURN)
            output = answer
        else:
            output = self.connection.resume(self._connections.now_ms, answer or b"")
        if output:
            self._write(output)
        self._care(len(output))

    def send_pieces(self, pieces: Iterator[bytes], kept_bytes: int) -> None:
        """Answer with these, some in each turn and as the peer takes them; then go on
        after the pause."""
        self._answer_pieces = pieces
        self._answer_bytes = kept_bytes
        self._wait_for_a_piece()

    def close(self) -> None:
        """Send what is left and close; the sweep aborts it if that takes long."""
        if self.closing_since_ms is None:
            self.closing_since_ms = self._connections.now_ms
            self.transport.close()

    def stop_reading(self) -> None:
        """Take no more input."""
        self._set_reading(False)

    def cut_off(self) -> None:
        """Close it now and free its input, which the loop would keep for a while."""
        self.closing_since_ms = self._connections.now_ms
        self._answer_pieces = None
        self._answer_bytes = 0
        self.transport.abort()
        self.connection.abandon()
        self._receive = self.connection.receive
        self._sniffer = None
        if self._tls is not None:
            self.transport = self._tls.inner
            self._write = self.transport.write
            self._tls = None

    def _wait_for_a_piece(self) -> None:
        """Get one turn for the next pieces of a long answer, if they are wanted."""
        if self._answer_pieces is None or self._blocked or self._is_in_line:
            return
        self._is_in_line = True
        self._connections.take_turn(self)

    def _send_piece(self, pieces: Iterator[bytes]) -> None:
        if self._blocked:
            return  # there is another turn once the peer reads
        held: list[bytes] = []
        held_bytes = 0
        while held_bytes < _PIECE_BYTES:
            piece = next(pieces, None)
            if piece is None:
                self._answer_pieces = None
                break
            held.append(piece)
            held_bytes += len(piece)
        self._answer_bytes -= held_bytes
        if self._answer_pieces is None:
            self.resume(b"".join(held))
            return
        self._write(b"".join(held))
        self._care(held_bytes)
        self._wait_for_a_piece()

    def _care(self, written_bytes: int = 0) -> None:
        """Effects, faults, ends and pauses: whatever is not just bytes to send."""
        if self._blocked and self.closing_since_ms is None:
            self._connections.blocked(self, written_bytes)
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

    def _receive_first(self, data: bytes, now_ms: int) -> bytes:
        """As `Connection.receive`, until it is clear what the first bytes are."""
        self.has_sent = True
        begun = self._sniff(data)
        self.connection.note_activity(now_ms)
        output = b""
        if begun is not None:
            self._sniffer = None
            output = self._receive(begun, now_ms)
        # The budget counts what is kept of a PROXY header too, until it is over.
        self.connection.note_side_effects()
        return output

    def _sniff(self, data: bytes) -> bytes | None:
        """The first bytes of the stream itself, None while there are none.

        With them, `_receive` is what takes the rest of the stream.
        """
        if self._sniffer is None:
            return None
        try:
            begun = self._sniffer.feed(data)
            if begun is not None:
                self._begin_stream(self._sniffer)
        except ConnectionFault as fault:
            self._sniffer = None
            self._connections.report_fault(self, fault)
            self.close()
            return None
        return begun

    def _begin_stream(self, sniffer: Sniffer) -> None:
        """From here on a plain stream has nothing between it and its connection."""
        connection = self.connection
        if sniffer.source is not None:
            connection.name_peer(address_text(sniffer.source))
        elif sniffer.is_proxied:
            # Not that of the socket: a proxy on this machine has clients elsewhere.
            connection.name_peer(f"unknown (via {connection.socket_address})")
        if not sniffer.is_tls:
            self._connections.tls.admit_plain()
            self._receive = connection.receive
            return
        context = self._connections.tls.admit_tls()
        self._tls = TlsTransport(
            self.transport, connection, context, self._connections.now_ms
        )
        self.transport = self._tls
        self._write = self._tls.write
        self._receive = self._tls.receive

    def _set_reading(self, wanted: bool) -> None:
        wanted = wanted and not self._connections.is_frozen
        if wanted is self._reading or self.transport.is_closing():
            return
        self._reading = wanted
        if wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()


def address_text(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """`host:port`, an IPv6 host in brackets, and one of IPv4 as IPv4 writes it."""
    host, port = address[:2]
    if host.startswith(_MAPPED_IPV4):
        host = str(IPv6Address(host).ipv4_mapped or host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

"""One peer: its stream, its connection, and when to read, answer, pause and close.

Pauses and turns
================

A connection is in one of these pauses (`namesrv.hot_path.Pause`), and goes on with
`resume` in every case:

    pause    begins when                                   ends when
    NONE     -                                             -
    OUTPUT   one read has made 1 MiB of answers, or the    it has its turn, once the
             peer does not read                            peer reads
    LATER    a request waits for a file, for another       its answer is in the outbox
             cluster, or for the rest of its own work      (LateAnswer, LongAnswer)
    TURN     the turn of the loop is used up, or a large   it has its turn
             registration was applied

While a connection is paused it keeps its input and does not read from the socket, so
that TCP makes the peer stop. Independently of that, its transport is *blocked* while
the peer does not read (`pause_writing` to `resume_writing`). A blocked connection reads
nothing, has no turn, and its unsent answers count against `outputBudgetBytes`.

A *turn* is one call of `Connections._next_turn`, which the loop calls once between two
polls of the sockets. It has 1,000 units of work (`namesrv.routing.turns.turn`), about a
millisecond. In it, in this order:

1. Lookups that waited for the end of a registration have the whole turn, for up to 16
   turns after it (`BusyGroups.readers_first`). Otherwise:
2. Unfinished work goes on (`namesrv.routing.turns.unfinished`), for half of the turn if
   connections wait, else for all of it. When a request's work ends, its LateAnswer ends
   the pause LATER.
3. The first connection in line goes on (`TurnLines`): one for each turn, and again at
   the end of the line if it has more to do. Lookups come first here, too, if step 2 has
   ended the registration that they waited for.

If anything waits after that, the next turn is asked of the loop. Reads are not in line:
each runs at once and may answer hot requests without limit, because they cost little.
A cold request is put back, and its connection waits (TURN), if the units are used up.

Two rules keep answers fair and in order. After a late answer, connections in line have
their turn before the peer's next request. And a long answer holds its connection
(LATER) until its last piece is sent: 64 KiB in each turn, none while the peer does not
read. At the end of the server (`namesrv.routing.turns.phase`), FROZEN stops reads of
all connections and turns go on; HALTED stops turns, and late answers are still sent.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from namesrv._impl import Connection
from namesrv.errors import HttpExpected
from namesrv.hot_path import Pause
from namesrv.server.connections.broker_hosts import address_text
from namesrv.server.connections.conversation import Conversation, HttpConversation
from namesrv.server.connections.first_bytes import Sniffer
from namesrv.server.connections.registry import Connections
from namesrv.server.connections.streams import (
    FirstBytes,
    FirstWords,
    PlainStream,
    Stream,
)
from namesrv.server.tls.stream import TlsStream

if TYPE_CHECKING:
    import asyncio

_LARGE_READ_BYTES: Final = 1 << 16
_PIECE_BYTES: Final = 1 << 16
"""Bytes of a long answer in one turn."""


class Peer:
    """Joins a transport to a `Connection`. An event loop, or a simulated one, calls
    `connection_made` first, `connection_lost` last, as of an `asyncio.Protocol`.

    `has_sent` is set by the first input, `closing_since_ms` when the connection begins
    to close. The conversation is that of the connection itself, or one in HTTP.
    `was_admitted` is true if a lane has admitted it by the limit of connections;
    `only_http` closes it if its bytes are not HTTP. `came_from` is the address that was
    accepted, the only one of a connection that was reset.
    """

    only_http = was_admitted = False
    came_from: Any = None

    __slots__ = (
        *("_answer_bytes", "_answer_pieces", "_blocked"),
        "_connections",
        "_conversation",
        "_count_unsent",
        "_first",
        "_http",
        "_is_in_line",
        "_reading",
        "_receive",
        "_stream",
        "_write",
        "closing_since_ms",
        "connection",
        "has_sent",
        "transport",
    )

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._reading = True
        self._blocked = False
        self._answer_pieces: Iterator[bytes] | None = None
        self._answer_bytes = 0
        self._is_in_line = False
        self._http: HttpConversation | None = None
        # Knows no protocol yet, nor whether its bytes begin an HTTP request.
        self._first: FirstBytes | FirstWords | None = None
        self.closing_since_ms: int | None = None
        self.has_sent = False
        self.transport: asyncio.Transport
        self.connection: Connection
        self._conversation: Conversation
        self._stream: Stream
        self._receive: Callable[[bytes, int], bytes]
        self._write: Callable[[bytes], None]
        self._count_unsent: Callable[[], int]

    @property
    def is_tls(self) -> bool:
        """Whether it speaks through TLS."""
        return isinstance(self._stream, TlsStream)

    @property
    def input_bytes(self) -> int:
        """Bytes of kept input: parts of a PROXY header, of TLS records or of frames."""
        return self._stream.kept_bytes + self._conversation.buffered_bytes

    @property
    def progress_ms(self) -> int:
        """The time at which kept input began, or a frame before it ended."""
        return max(self._stream.progress_ms, self._conversation.progress_ms)

    @property
    def handshake_since_ms(self) -> int | None:
        """The start of a TLS handshake under way, or None."""
        return self._stream.handshake_since_ms

    @property
    def is_http(self) -> bool:
        """Whether the conversation is in HTTP."""
        return self._http is not None

    @property
    def request_since_ms(self) -> int | None:
        """The beginning of an HTTP request of which a part may have come, or None."""
        speaker = self._first if self._http is None else self._http
        return None if speaker is None else speaker.request_since_ms

    @property
    def is_lasting(self) -> bool:
        """Whether its answer in HTTP goes on, or waits for something to happen."""
        return self._http is not None and self._http.is_lasting

    @property
    def unsent_bytes(self) -> int:
        """Bytes of output that the peer has not read, with those of a long answer."""
        return self._count_unsent() + self._answer_bytes

    def connection_made(self, transport: "asyncio.BaseTransport") -> None:
        """Begin; the peer's address is for the logs."""
        self.transport = cast("asyncio.Transport", transport)
        self._count_unsent = self.transport.get_write_buffer_size
        peer = transport.get_extra_info("peername") or self.came_from
        remote = address_text(peer) if peer else "unknown"
        self.connection = self._connections.create(remote)
        self._conversation = connection = self.connection
        begin, knows_http = self._begin_stream, self._connections.knows_http
        first = FirstBytes(self.transport, connection, begin, knows_http=knows_http)
        self._first = first
        self._bind(first)
        self._receive = self._receive_first
        self._connections.open(self)

    def data_received(self, data: bytes) -> None:
        """Bytes came: answer them."""
        if len(data) >= _LARGE_READ_BYTES:
            self._connections.lanes.let_run()  # its end may take a millisecond
        output = self._receive(data, self._connections.now_ms)
        if output:
            self._write(output)
        if self.connection.has_side_effects:
            self._care(len(output))

    def eof_received(self) -> bool:
        """The peer sends no more: answer its requests, then close."""
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
        """Continue after a pause, with the late answer if one was awaited. Waiting
        connections go first, so that no peer keeps a place by sending ahead."""
        self._is_in_line = False
        if self.closing_since_ms is not None:
            return
        if self._answer_pieces is not None:
            self._send_piece(self._answer_pieces)
            return
        if self._blocked or self._connections.is_halted:
            # No more answers are made: this one is sent, later requests wait.
            self.connection.hold(Pause.OUTPUT)
            output = self._late_answer(answer or b"")
        elif answer is not None and self.input_bytes and self._connections.are_waiting:
            self.connection.hold(Pause.TURN)
            output = self._late_answer(answer)
        else:
            output = self._conversation.resume(self._connections.now_ms, answer or b"")
        if output:
            self._write(output)
        self._care(len(output))

    def send_pieces(self, pieces: Iterator[bytes], kept_bytes: int) -> None:
        """Answer with these pieces, some in each turn while the peer reads; then end
        the pause."""
        self._answer_pieces = pieces
        self._answer_bytes = kept_bytes
        self._wait_for_a_piece()

    def close(self) -> None:
        """Send the remaining output and close; the sweep aborts slow ones."""
        if self.closing_since_ms is None:
            self.closing_since_ms = self._connections.now_ms
            self._stream.close()

    def time_out(self) -> None:
        """The HTTP request under way takes too long: answer that and close. Bytes that
        could still become something else have no answer."""
        if self.closing_since_ms is not None:
            return
        output = b"" if self._http is None else self._http.time_out()
        if output:
            self._write(output)
        self.close()

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
        self._http = self._first = None
        self._conversation = self.connection
        self._bind(PlainStream(self.transport, self.connection))

    def _wait_for_a_piece(self) -> None:
        """Request a turn for the next pieces of a long answer, if the peer reads."""
        if self._answer_pieces is not None and not self._blocked:
            self._take_turn()

    def _take_turn(self) -> None:
        """Wait for a turn, once: a late answer may come while this call puts the
        connection in line already."""
        if not self._is_in_line:
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
        self.connection.note_sent(held_bytes)
        self._write(b"".join(held))
        self._care(held_bytes)
        self._wait_for_a_piece()

    def _care(self, written_bytes: int = 0) -> None:
        """Handle all side effects of a call: effects, faults, ends and pauses."""
        if self._blocked and self.closing_since_ms is None:
            self._connections.blocked(self, written_bytes)
        connection = self.connection
        self._connections.after_call(self)
        if self.closing_since_ms is not None:
            return
        if connection.fault is not None:
            self._connections.report_fault(self, connection.fault)
        if connection.fault is not None or connection.is_done:
            self.close()
        elif connection.pause != Pause.NONE:
            self._set_reading(False)
            if connection.pause != Pause.LATER and not self._blocked:
                self._take_turn()
        else:
            if self._http is not None and self._http.take_end():
                self._stream.end_output()
            self._set_reading(not self._blocked)

    def _receive_first(self, data: bytes, now_ms: int) -> bytes:
        self.has_sent = True
        return self._stream.receive(data, now_ms)

    def _bind(self, stream: Stream) -> None:
        self._stream = stream
        self._receive = stream.receive
        self._write = stream.write

    def _begin_stream(self, sniffer: Sniffer) -> Stream:
        """The first bytes have decided the kind of stream. Raises ConnectionFault."""
        connection = self.connection
        self._first = None
        if sniffer.source is not None:
            connection.name_peer(address_text(sniffer.source))
        elif sniffer.is_proxied:
            # The socket's address is the proxy's: its clients are elsewhere.
            connection.name_peer(f"unknown (via {connection.socket_address})")
        if sniffer.is_tls:
            context = self._connections.tls.admit_tls()
            plain = PlainStream(self.transport, connection)
            stream = TlsStream(plain, connection, context, self._connections.now_ms)
            if self.only_http or self._connections.knows_http:
                begin = partial(self._begin_in_tls, stream)
                self._first = first = FirstWords(connection, begin)
                self._conversation = first
                stream.converse(first)
            self._bind(stream)
        else:
            self._connections.tls.admit_plain()
            self._begin_conversation(is_http=sniffer.is_http)
            self._bind(PlainStream(self.transport, self._conversation))
        return self._stream

    def _begin_in_tls(self, stream: TlsStream, is_http: bool) -> Conversation:
        """The first plain bytes have decided. Raises ConnectionFault."""
        self._begin_conversation(is_http=is_http)
        stream.converse(self._conversation)
        return self._conversation

    def _begin_conversation(self, *, is_http: bool) -> None:
        """Raises HttpExpected."""
        self._first = None
        if is_http:
            self._http = self._connections.begin_http(self.connection)
            self._conversation = self._http
        elif self.only_http:
            raise HttpExpected
        else:
            self._conversation = self.connection

    def _late_answer(self, answer: bytes) -> bytes:
        if self._http is not None:
            return self._http.late_answer(answer)
        self.connection.note_sent(len(answer))
        return answer

    def _set_reading(self, wanted: bool) -> None:
        wanted = wanted and not self._connections.is_frozen
        if wanted is self._reading or self.transport.is_closing():
            return
        self._reading = wanted
        if wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

"""One conversation in HTTP/1.1: bytes in, bytes out, without I/O.

It speaks on the `Connection` of its peer, whose pauses, end and fault it uses:

    pause    begins when                               ends when
    TURN     the turn of the loop is used up, or the   it has its turn; the same request
             request has to come again                 is handled again
    LATER    the answer comes in steps, or a request   the rest of the steps is done, or
             for the processor waits for a file        the file is written
    OUTPUT   one read has made 1 MiB of answers        it has its turn

While it is paused it keeps its input, and `Peer` does not read from the socket. One
request is read and handled at a time, so that requests sent ahead are answered in
order, and each of them takes its turn like a cold request of the remoting protocol.
A stream or a wait (`messages.py`) is no pause: the end of its peer is seen at once.

A request that cannot be read is answered, and the conversation is over: input is
dropped until the peer closes or the deadline of the request has passed, because a
socket that is closed before it was read empty loses the answer. A request whose body
has to be awaited is checked first. If it is refused, its body is neither invited nor
kept, and the conversation ends in the same way.
"""

from collections.abc import Generator

from namesrv._impl import Connection
from namesrv.admin.http.encode import CONTINUE, compressed, is_to_be_compressed
from namesrv.admin.http.head import Head
from namesrv.admin.http.last_heartbeat import LastHeartbeat
from namesrv.admin.http.messages import (
    Asked,
    Handled,
    HttpAnswer,
    HttpRequest,
    Result,
    Stream,
    Wait,
)
from namesrv.admin.http.problems import problem
from namesrv.admin.http.request_input import RequestInput
from namesrv.admin.http.service import HttpService, command_of
from namesrv.hot_path import OUTPUT_PAUSE_BYTES, Pause
from namesrv.routing.outbox import LateAnswer
from namesrv.routing.turns.turn import answer_units
from namesrv.work import Cost, Steps, kilobytes


class HttpConversation:
    """Requests of one peer, each answered before the next is read."""

    __slots__ = (
        "_asked",
        "_connection",
        "_head",
        "_held_bytes",
        "_input",
        "_is_over",
        "_is_refused",
        "_last_heartbeat",
        "_lasting",
        "_late",
        "_request",
        "_service",
        "_shows_end",
        "_since_ms",
        "progress_ms",
    )

    def __init__(self, service: HttpService, connection: Connection) -> None:
        self._service = service
        self._connection = connection
        self._last_heartbeat = LastHeartbeat(service)
        self._input = RequestInput(service.state.turn, self._must_wait)
        self._held_bytes = 0
        self._head: Head | None = None
        self._request: HttpRequest | None = None
        self._asked: Asked | None = None
        self._late: HttpAnswer | None = None
        self._lasting: Stream | Wait | None = None
        self._is_over = False
        self._is_refused = False
        self._shows_end = False
        self.progress_ms = 0
        self._since_ms: int | None = None
        # The drain waits for clients that understand GO_AWAY, which HTTP does not.
        connection.note_version(0)

    @property
    def buffered_bytes(self) -> int:
        """Bytes of kept input, the request that is being handled included."""
        return len(self._input) + self._held_bytes

    @property
    def request_since_ms(self) -> int | None:
        """The time since which a request is awaited of which a part has come; None
        while the server itself makes it wait."""
        return self._since_ms if self._connection.pause == Pause.NONE else None

    @property
    def is_lasting(self) -> bool:
        """Whether its answer goes on, or waits for something to happen."""
        return self._lasting is not None

    def take_end(self) -> bool:
        """Whether the peer has to see the end of the output now; True once."""
        shows_end, self._shows_end = self._shows_end, False
        return shows_end

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """Process input; the bytes to send, in the order of the requests."""
        connection = self._connection
        if self._is_over or connection.fault is not None:
            return b""
        if self._head is None and not self._input:
            again = self._last_heartbeat.again(data, connection, now_ms)
            if again:
                return again
        self._service.counts.note_received(len(data))
        connection.note_activity(now_ms)
        connection.note_side_effects()
        self.progress_ms = self.progress_ms if self._input else now_ms
        self._input.add(data)
        return self._run(b"", now_ms)

    def resume(self, now_ms: int, answer: bytes = b"") -> bytes:
        """Continue after a pause; `answer` is the late answer as a frame."""
        self._connection.resume(now_ms)
        if self._is_over or self._connection.fault is not None:
            return b""
        return self._run(self.late_answer(answer), now_ms)

    def late_answer(self, frame: bytes) -> bytes:
        """The late answer as bytes to send: of the processor, of steps, of a wait, or
        the next piece of a stream."""
        late, self._late = self._late, None
        if late is not None:
            return self._answered(late)
        if isinstance(self._lasting, Stream):
            return frame
        if self._asked is not None and frame:
            return self._answered(self._translated(self._asked, frame))
        return b""

    def time_out(self) -> bytes:
        """The request takes too long: the answer, unless it has one."""
        if self._is_over:
            return b""
        return self._end(problem(408, "the request did not come in within 10 s"))

    def _run(self, first: bytes, now_ms: int) -> bytes:
        output = [first]
        size = len(first)
        connection = self._connection
        while connection.pause == Pause.NONE and not self._is_over:
            if (answer := self._next(now_ms)) is None:
                break
            output.append(answer)
            size += len(answer)
            if size >= OUTPUT_PAUSE_BYTES and connection.pause == Pause.NONE:
                connection.hold(Pause.OUTPUT)
        self._note_wait(now_ms)
        return b"".join(output)

    def _note_wait(self, now_ms: int) -> None:
        """Note since when a request is awaited of which a part has come."""
        # After the last answer the deadline goes on, for a peer that does not close.
        is_idle = self._head is None and not self._input and not self._is_over
        if is_idle or self._lasting is not None:
            self._since_ms = None
        elif self._since_ms is None:
            self._since_ms = now_ms

    def _next(self, now_ms: int) -> bytes | None:
        """Bytes to send, empty for none yet; None if more input is needed."""
        if self._lasting is not None:
            return self._interrupted(self._lasting) if self._input else None
        if self._asked is not None:
            return self._ask(self._asked, now_ms)
        if self._request is not None:
            return self._handle(self._request, now_ms)
        first = b""
        if self._head is None:
            end = self._input.head_end()
            if end is None or isinstance(end, HttpAnswer):
                return None if end is None else self._end(end)
            if self._must_wait():
                return b""
            head = self._read_head(end)
            if isinstance(head, HttpAnswer):
                return self._end(head)
            self._head = head
            received_bytes = self._input.unread_bytes
            if head.awaits_body(received_bytes):
                refused = self._service.objection(head, self._connection, now_ms)
                if refused is not None:
                    return self._refuse(head, refused, now_ms)
            first = CONTINUE if head.invites_body(received_bytes) else b""
        body = self._input.take_body(self._head)
        if body is None or isinstance(body, HttpAnswer):
            return first or None if body is None else first + self._end(body)
        return first + self._begin(self._head.request, body, now_ms)

    def _read_head(self, end: int) -> Head | HttpAnswer:
        data = self._input.take_head(end)
        self._held_bytes = end
        self._last_heartbeat.read(data)
        return self._input.read_head(data)

    def _refuse(
        self, head: Head, refused: HttpAnswer | Steps[HttpAnswer], now_ms: int
    ) -> bytes:
        """Answer a request whose body is not read, as the last one."""
        self.progress_ms = now_ms
        self._request = head.request
        self._is_refused = True
        return self._carry_out(refused, now_ms)

    def _must_wait(self) -> bool:
        """Whether the turn is over; the conversation then waits for its next one."""
        is_over = self._service.state.turn.is_over
        if is_over:
            self._connection.hold(Pause.TURN)
        return is_over

    def _begin(self, request: HttpRequest, body: bytes, now_ms: int) -> bytes:
        """Handle a request that has come as a whole."""
        self.progress_ms = now_ms
        self._since_ms = None
        self._held_bytes += len(body)
        if body:
            self._service.state.turn.spend(kilobytes(len(body), Cost.HTTP_KILOBYTE))
            request = HttpRequest(
                request.method, request.path, request.query, request.headers, body
            )
        refused = self._service.guard.turned_away(request, self._connection)
        if refused is not None:
            return self._answered(refused)
        heard = self._last_heartbeat.answer(self._head, self._connection, now_ms)
        if heard is not None:
            return self._answered(heard)
        return self._handle(request, now_ms)

    def _handle(self, request: HttpRequest, now_ms: int) -> bytes:
        self._request = request
        application, connection = self._service.application, self._connection
        try:
            handled = application.handle(request, connection, now_ms)
        except Exception:
            handled = self._failed()
        return self._carry_out(handled, now_ms)

    def _failed(self) -> HttpAnswer:
        return self._service.internal_error(self._request, self._connection)

    def _carry_out(self, handled: Handled, now_ms: int) -> bytes:
        if isinstance(handled, HttpAnswer):
            if not is_to_be_compressed(handled, self._request):
                return self._answered(handled)
            handled = compressed(handled)
        elif isinstance(handled, Asked):
            return self._ask(self._taken(handled), now_ms)
        elif isinstance(handled, Stream | Wait):
            return self._last(handled)
        elif not isinstance(handled, Generator):
            self._connection.hold(Pause.TURN)
            return b""
        else:
            handled = self._in_steps(handled)
        ended = self._service.state.turn.advance(handled)
        if ended is not None:
            result = ended[0]
            if isinstance(result, HttpAnswer):
                return self._answered(result)
            return self._carry_out(result, now_ms)
        state, connection = self._service.state, self._connection
        state.unfinished.put(self._later(handled), connection, is_reading=True)
        connection.hold(Pause.LATER)
        return b""

    def _taken(self, asked: Asked) -> Asked:
        """A request for the processor: the body was read into it, and is dropped."""
        self._asked = asked
        self._request = None if self._head is None else self._head.request
        self._held_bytes += len(asked.command.body or b"")
        return asked

    def _ask(self, asked: Asked, now_ms: int) -> bytes:
        """Have the processor handle a request in place of this one."""
        refused = None if asked.objection is None else asked.objection()
        if refused is not None:
            return self._answered(refused)
        connection = self._connection
        frame = self._service.processor.ask(asked.command, connection, now_ms)
        if frame is None:
            connection.hold(Pause.LATER)
            return b""
        if isinstance(frame, Pause):
            connection.hold(Pause.TURN)
            return b""
        return self._answered(self._translated(asked, frame))

    def _translated(self, asked: Asked, frame: bytes) -> HttpAnswer:
        try:
            return asked.translate(command_of(frame))
        except Exception:
            return self._failed()

    def _in_steps(self, steps: Steps[HttpAnswer] | Steps[Result]) -> Steps[Result]:
        """Steps of a handler, with their failure and the compression."""
        try:
            result: Result = yield from steps
        except Exception:
            result = self._failed()
        if isinstance(result, HttpAnswer) and is_to_be_compressed(
            result, self._request
        ):
            result = yield from compressed(result)
        return result

    def _later(self, steps: Steps[HttpAnswer] | Steps[Result]) -> Steps[None]:
        """The rest of the steps; the last one ends the pause."""
        result: Result = yield from steps
        if isinstance(result, Asked):
            self._taken(result)
        elif isinstance(result, Wait):
            self._last(result)
        else:
            self._late = result
            yield answer_units(result.body)
        self._service.state.outbox.put(LateAnswer(self._connection, b""))

    def _last(self, lasting: Stream | Wait) -> bytes:
        """Begin an answer that takes its time. The rest of the request is dropped,
        because many may wait."""
        head = self._head
        assert head is not None
        if isinstance(lasting, Stream) and head.request.method == "HEAD":
            return self._answered(lasting.head)
        self._head = head = head.without_request()
        self._request = None
        self._held_bytes = 0
        self._lasting = lasting
        if isinstance(lasting, Wait):
            lasting.begin(self._take_late)
            return b""
        lasting.begin()
        return self._service.encode(lasting.head, head, ends=True, is_endless=True)

    def _interrupted(self, lasting: Stream | Wait) -> bytes:
        """More input ends a stream. It ends a wait, too, whose answer comes first."""
        if isinstance(lasting, Stream):
            self._finish()
        else:
            self._connection.hold(Pause.LATER)
            lasting.hurry()
        return b""

    def _take_late(self, answer: HttpAnswer) -> None:
        self._late = answer
        self._service.state.outbox.put(LateAnswer(self._connection, b""))

    def _answered(self, answer: HttpAnswer) -> bytes:
        """The bytes of the answer to the request under way, which is over."""
        head, state = self._head, self._service.state
        self._head = self._request = self._asked = self._lasting = None
        self._held_bytes = 0
        is_refused = self._is_refused
        ends = is_refused or head is None or not head.keeps_alive or state.draining
        if is_refused:
            self._ignore_input()
        elif ends:
            self._finish()
        state.turn.spend(answer_units(answer.body))
        return self._service.encode(answer, head, ends=ends)

    def _end(self, answer: HttpAnswer) -> bytes:
        """The bytes of the answer to a request that could not be read."""
        self._service.state.outbox.warn(
            "HTTP request refused, closing its connection",
            status=answer.status,
            remote=self._connection.remote_address,
        )
        head, self._head = self._head, None
        self._ignore_input()
        return self._service.encode(answer, head, ends=True)

    def _ignore_input(self) -> None:
        """The answer is the last one, and the peer may go on sending."""
        self._end_input()
        self._shows_end = True

    def _finish(self) -> None:
        """This answer is the last one."""
        self._end_input()
        self._connection.finish()

    def _end_input(self) -> None:
        self._input.drop()
        self._held_bytes = 0
        self._is_over = True

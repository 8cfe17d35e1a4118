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

A request that cannot be read is answered, and the conversation is over: input is
dropped until the peer closes or the deadline of the request has passed, because a
socket that is closed before it was read empty loses the answer.
"""

import logging
import re
from collections.abc import Generator
from traceback import format_exc
from typing import Final

from namesrv._impl import Connection
from namesrv.admin.http.chunks import ChunkedBody
from namesrv.admin.http.encode import CONTINUE, compressed, is_to_be_compressed
from namesrv.admin.http.head import CHUNKED, END, Head, HeadReader, malformed
from namesrv.admin.http.last_heartbeat import LastHeartbeat
from namesrv.admin.http.limits import LONGEST_HEAD_BYTES
from namesrv.admin.http.messages import Asked, Handled, HttpAnswer, HttpRequest
from namesrv.admin.http.problems import problem
from namesrv.admin.http.service import HttpService
from namesrv.hot_path import OUTPUT_PAUSE_BYTES, Pause
from namesrv.routing.outbox import LateAnswer, LogEvent
from namesrv.routing.turns.turn import answer_units
from namesrv.wire.command import RemotingCommand, decode_command
from namesrv.work import Cost, Steps, kilobytes

_EMPTY_LINES: Final = re.compile(rb"(?:\r\n)+")
_HEAD_END: Final = b"\r\n\r\n"
_KEPT_END_BYTES: Final = 3
"""Bytes of an end of a head that may have come without the rest."""


class HttpConversation:
    """Requests of one peer, each answered before the next is read."""

    __slots__ = (
        "_asked",
        "_buffer",
        "_chunks",
        "_connection",
        "_head",
        "_held_bytes",
        "_is_over",
        "_last_heartbeat",
        "_late",
        "_reader",
        "_request",
        "_scanned",
        "_service",
        "_shows_end",
        "progress_ms",
        "request_since_ms",
    )

    def __init__(self, service: HttpService, connection: Connection) -> None:
        self._service = service
        self._connection = connection
        self._reader = HeadReader()
        self._last_heartbeat = LastHeartbeat(service)
        self._buffer = bytearray()
        self._scanned = 0
        self._held_bytes = 0
        self._head: Head | None = None
        self._chunks: ChunkedBody | None = None
        self._request: HttpRequest | None = None
        self._asked: Asked | None = None
        self._late: HttpAnswer | None = None
        self._is_over = False
        self._shows_end = False
        self.progress_ms = 0
        self.request_since_ms: int | None = None
        # The drain waits for clients that understand GO_AWAY, which HTTP does not.
        connection.note_version(0)

    @property
    def buffered_bytes(self) -> int:
        """Bytes of kept input, the request that is being handled included."""
        chunked = 0 if self._chunks is None else len(self._chunks.body)
        return len(self._buffer) + self._held_bytes + chunked

    def take_end(self) -> bool:
        """Whether the peer has to see the end of the output now; True once."""
        shows_end, self._shows_end = self._shows_end, False
        return shows_end

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """Process input; the bytes to send, in the order of the requests."""
        connection = self._connection
        if self._is_over or connection.fault is not None:
            return b""
        if self._head is None and not self._buffer:
            if self._last_heartbeat.is_again(data, connection, now_ms):
                return self._service.encoder.no_content()
        connection.note_activity(now_ms)
        connection.note_side_effects()
        self._service.counts.note_received(len(data))
        if not self._buffer:
            self.progress_ms = now_ms
        self._buffer += data
        return self._run(b"", now_ms)

    def resume(self, now_ms: int, answer: bytes = b"") -> bytes:
        """Continue after a pause; `answer` is the late answer as a frame."""
        connection = self._connection
        connection.resume(now_ms)
        if self._is_over or connection.fault is not None:
            return b""
        return self._run(self.late_answer(answer), now_ms)

    def late_answer(self, frame: bytes) -> bytes:
        """The late answer as bytes to send: of the processor, or of steps."""
        late, self._late = self._late, None
        if late is not None:
            return self._answered(late)
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
            answer = self._next(now_ms)
            if answer is None:
                break
            output.append(answer)
            size += len(answer)
            if size >= OUTPUT_PAUSE_BYTES and connection.pause == Pause.NONE:
                connection.hold(Pause.OUTPUT)
        self._note_wait(now_ms)
        return b"".join(output)

    def _note_wait(self, now_ms: int) -> None:
        """Note since when a request is awaited of which a part has come."""
        if self._is_over:
            # The deadline goes on, for a peer that does not close.
            since_ms = self.request_since_ms
            self.request_since_ms = now_ms if since_ms is None else since_ms
            return
        is_awaited = self._head is not None or bool(self._buffer)
        if self._connection.pause != Pause.NONE or not is_awaited:
            self.request_since_ms = None
        elif self.request_since_ms is None:
            self.request_since_ms = now_ms

    def _next(self, now_ms: int) -> bytes | None:
        """Bytes to send, empty for none yet; None if more input is needed."""
        if self._asked is not None:
            return self._ask(self._asked, now_ms)
        if self._request is not None:
            return self._handle(self._request, now_ms)
        first = b""
        if self._head is None:
            end = self._head_end()
            if end is None or isinstance(end, HttpAnswer):
                return None if end is None else self._end(end)
            if self._must_wait():
                return b""
            head = self._read_head(end)
            if isinstance(head, HttpAnswer):
                return self._end(head)
            self._head = head
            first = CONTINUE if self._is_to_be_continued(head) else b""
        body = self._body(self._head)
        if body is None or isinstance(body, HttpAnswer):
            return first or None if body is None else first + self._end(body)
        return first + self._begin(self._head.request, body, now_ms)

    def _head_end(self) -> int | HttpAnswer | None:
        buffer = self._buffer
        if not buffer:
            return None
        if not self._scanned and buffer.startswith(b"\r\n"):
            _drop_empty_lines(buffer)
        end = buffer.find(_HEAD_END) + len(_HEAD_END)
        if len(_HEAD_END) <= end <= LONGEST_HEAD_BYTES and _has_good_lines(buffer, end):
            return end
        return self._bad_or_unfinished()

    def _bad_or_unfinished(self) -> HttpAnswer | None:
        """The first mistake in a head, None if its end has not come."""
        buffer = self._buffer
        match = END.search(buffer, self._scanned)
        end = len(buffer) if match is None else match.end()
        if end > LONGEST_HEAD_BYTES:
            limit = LONGEST_HEAD_BYTES
            return problem(431, f"the request line and header exceed {limit} bytes")
        if match is None:
            self._scanned = max(0, end - _KEPT_END_BYTES)
            return None
        return malformed("a line does not end with CR LF, or has a NUL byte")

    def _read_head(self, end: int) -> Head | HttpAnswer:
        data = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._scanned = 0
        self._held_bytes = end
        self._last_heartbeat.read(data)
        turn = self._service.state.turn
        turn.spend(Cost.HTTP_REQUEST + kilobytes(end, Cost.HTTP_KILOBYTE))
        return self._reader.read(data)

    def _is_to_be_continued(self, head: Head) -> bool:
        if head.body_length == CHUNKED:
            return head.expects_100 and not self._buffer
        return head.expects_100 and len(self._buffer) < head.body_length

    def _body(self, head: Head) -> bytes | HttpAnswer | None:
        """The whole body; None if it has not come, or if its turn is over."""
        length = head.body_length
        if not length:
            return b""
        if length == CHUNKED:
            return self._chunked_body()
        if len(self._buffer) < length or self._must_wait():
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    def _chunked_body(self) -> bytes | HttpAnswer | None:
        chunks = self._chunks = self._chunks or ChunkedBody()
        while not chunks.is_complete:
            if self._must_wait():
                return None
            count = chunks.take(self._buffer)
            if isinstance(count, HttpAnswer):
                return count
            if not count:
                return None
            self._service.state.turn.spend(count * Cost.CHUNK)
        if self._must_wait():
            return None
        self._chunks = None
        return bytes(chunks.body)

    def _must_wait(self) -> bool:
        """Whether the turn is over; the conversation then waits for its next one."""
        is_over = self._service.state.turn.is_over
        if is_over:
            self._connection.hold(Pause.TURN)
        return is_over

    def _begin(self, request: HttpRequest, body: bytes, now_ms: int) -> bytes:
        """Handle a request that has come as a whole."""
        self.progress_ms = now_ms
        self.request_since_ms = None
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
            handled = self._internal_error()
        return self._carry_out(handled, now_ms)

    def _carry_out(self, handled: Handled, now_ms: int) -> bytes:
        if isinstance(handled, HttpAnswer):
            if not self._is_to_be_compressed(handled):
                return self._answered(handled)
            handled = compressed(handled)
        elif isinstance(handled, Asked):
            # The body was read into the command, and is dropped.
            self._request = None if self._head is None else self._head.request
            self._held_bytes += len(handled.command.body or b"")
            return self._ask(handled, now_ms)
        elif not isinstance(handled, Generator):
            self._connection.hold(Pause.TURN)
            return b""
        else:
            handled = self._in_steps(handled)
        ended = self._service.state.turn.advance(handled)
        if ended is not None:
            return self._answered(ended[0])
        state, connection = self._service.state, self._connection
        state.unfinished.put(self._later(handled), connection, is_reading=True)
        connection.hold(Pause.LATER)
        return b""

    def _ask(self, asked: Asked, now_ms: int) -> bytes:
        """Have the processor handle a request in place of this one."""
        self._asked = asked
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
            return asked.translate(_command_of(frame))
        except Exception:
            return self._internal_error()

    def _in_steps(self, steps: Steps[HttpAnswer]) -> Steps[HttpAnswer]:
        """Steps of a handler, with their failure and the compression."""
        try:
            answer = yield from steps
        except Exception:
            answer = self._internal_error()
        if self._is_to_be_compressed(answer):
            answer = yield from compressed(answer)
        return answer

    def _later(self, steps: Steps[HttpAnswer]) -> Steps[None]:
        """The rest of the steps; the last one ends the pause."""
        self._late = yield from steps
        yield answer_units(self._late.body)
        self._service.state.outbox.put(LateAnswer(self._connection, b""))

    def _is_to_be_compressed(self, answer: HttpAnswer) -> bool:
        headers = {} if self._request is None else self._request.headers
        return is_to_be_compressed(answer, headers.get("accept-encoding"))

    def _internal_error(self) -> HttpAnswer:
        """A mistake of ours: the log has it in full."""
        request = self._request
        target = "" if request is None else f"{request.method} {request.path}"
        fields: dict[str, object] = {
            "request": target,
            "remote": self._connection.remote_address,
            "error": format_exc(),
        }
        event = LogEvent(logging.ERROR, "internal error", fields)
        self._service.state.outbox.put(event)
        return problem(500, "the server made a mistake, its log has the details")

    def _answered(self, answer: HttpAnswer) -> bytes:
        """The bytes of the answer to the request under way, which is over."""
        head, state = self._head, self._service.state
        self._head = self._request = self._asked = None
        self._held_bytes = 0
        ends = head is None or not head.keeps_alive or state.draining
        if ends:
            self._finish()
        state.turn.spend(answer_units(answer.body))
        return self._encoded(answer, head, ends=ends)

    def _end(self, answer: HttpAnswer) -> bytes:
        """The bytes of the answer to a request that could not be read."""
        self._service.state.outbox.warn(
            "HTTP request refused, closing its connection",
            status=answer.status,
            remote=self._connection.remote_address,
        )
        head, self._head = self._head, None
        self._drop_input()
        self._is_over = self._shows_end = True
        return self._encoded(answer, head, ends=True)

    def _encoded(self, answer: HttpAnswer, head: Head | None, *, ends: bool) -> bytes:
        """An answer as bytes to send; it is counted."""
        data = self._service.encoder.encode(answer, head, ends=ends)
        self._service.counts.note_answer(answer.status)
        self._service.counts.note_sent(len(data))
        return data

    def _finish(self) -> None:
        """This answer is the last one."""
        self._drop_input()
        self._is_over = True
        self._connection.finish()

    def _drop_input(self) -> None:
        self._buffer = bytearray()
        self._chunks = None
        self._held_bytes = 0


def _drop_empty_lines(buffer: bytearray) -> None:
    """RFC 9112, 2.2: empty lines before a request are ignored."""
    found = _EMPTY_LINES.match(bytes(buffer))
    if found is not None:
        del buffer[: found.end()]


def _has_good_lines(data: bytearray, end: int) -> bool:
    """Whether all lines end with CR LF, and none has a NUL byte."""
    lines = data.count(b"\r\n", 0, end)
    return (
        data.count(b"\n", 0, end) == data.count(b"\r", 0, end) == lines
        and data.find(b"\0", 0, end) < 0
    )


def _command_of(frame: bytes) -> RemotingCommand:
    """The processor's answer (protocol.md section 1.1)."""
    end = 8 + int.from_bytes(frame[5:8])
    return decode_command(frame[4], frame[8:end], frame[end:])

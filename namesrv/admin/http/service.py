"""The parts that all HTTP conversations of one server share."""

import logging
from collections.abc import Callable
from traceback import format_exc
from typing import Protocol

from namesrv._impl import Connection
from namesrv.admin.http.encode import Encoder
from namesrv.admin.http.head import Head
from namesrv.admin.http.messages import (
    NO_CONTENT,
    Access,
    Handled,
    HttpAnswer,
    HttpRequest,
)
from namesrv.admin.http.problems import problem
from namesrv.routing.outbox import LogEvent
from namesrv.routing.requests.processor import RequestProcessor
from namesrv.routing.state import RoutingState
from namesrv.server.connections.counts import HttpCounts
from namesrv.server.files.http_tokens import HttpTokens
from namesrv.wire.command import RemotingCommand, decode_command
from namesrv.work import Steps


class Guard(Protocol):
    """Decides about rights; the application calls `refusal` when it knows the right
    that a request needs."""

    def turned_away(
        self, request: HttpRequest, connection: Connection
    ) -> HttpAnswer | None:
        """The answer to a request that no handler may get, such as one that a foreign
        page made a browser send; else None."""

    def refusal(
        self,
        request: HttpRequest,
        access: Access,
        connection: Connection,
        now_ms: int,
    ) -> HttpAnswer | None:
        """The answer to a request without the right; None if it may be handled."""

    def token_of(self, request: HttpRequest) -> bytes:
        """The token without which a request might not read; empty if it needs none."""

    def tokens(self, now_ms: int) -> HttpTokens:
        """The tokens of now."""


class Application(Protocol):
    """Answers requests. It never waits, and spends units for work of its own."""

    def handle(
        self, request: HttpRequest, connection: Connection, now_ms: int
    ) -> Handled:
        """The answer to one request, or how it comes."""

    def objection(
        self,
        request: HttpRequest,
        body_length: int,
        connection: Connection,
        now_ms: int,
    ) -> HttpAnswer | Steps[HttpAnswer] | None:
        """The answer to a request that its head alone has refused, so that its body is
        not read; None if the body is wanted. The request has no body yet; its length
        is in bytes, `CHUNKED` if it is not known."""


class Heartbeats(Protocol):
    """Knows the heartbeats of brokers by their targets, path and query, so that these
    need no application."""

    def knows(self, target: str) -> bool:
        """Whether this is the target of a live broker."""

    def beat(self, target: str, now_ms: int) -> bool:
        """The same; the broker was heard from now."""


class HttpService:
    """The application, its guard, the processor, and the state of the server.

    Without `heartbeats` all requests go to the application.
    """

    __slots__ = (
        "application",
        "_encoder",
        "counts",
        "guard",
        "heartbeats",
        "processor",
        "state",
    )

    def __init__(
        self,
        processor: RequestProcessor,
        application: Application,
        guard: Guard,
        wall_millis: Callable[[], int],
        heartbeats: Heartbeats | None = None,
        counts: HttpCounts | None = None,
    ) -> None:
        self.application = application
        self.guard = guard
        self.processor = processor
        self.state: RoutingState = processor.state
        self._encoder = Encoder(wall_millis)
        self.heartbeats = heartbeats
        self.counts = HttpCounts() if counts is None else counts

    def objection(
        self, head: Head, connection: Connection, now_ms: int
    ) -> HttpAnswer | Steps[HttpAnswer] | None:
        """The answer to a request whose body is not wanted, else None."""
        refused = self.guard.turned_away(head.request, connection)
        if refused is not None:
            return refused
        request, length = head.request, head.body_length
        return self.application.objection(request, length, connection, now_ms)

    def internal_error(
        self, request: HttpRequest | None, connection: Connection
    ) -> HttpAnswer:
        """The answer after an exception, a mistake of ours: the log has it in full."""
        target = "" if request is None else f"{request.method} {request.path}"
        fields: dict[str, object] = {
            "request": target,
            "remote": connection.remote_address,
            "error": format_exc(),
        }
        self.state.outbox.put(LogEvent(logging.ERROR, "internal error", fields))
        return problem(500, "the server made a mistake, its log has the details")

    def encode(
        self,
        answer: HttpAnswer,
        head: Head | None,
        *,
        ends: bool,
        is_endless: bool = False,
    ) -> bytes:
        """The bytes of an answer, which is counted; as `Encoder.encode`."""
        data = self._encoder.encode(answer, head, ends=ends, is_endless=is_endless)
        self.counts.note_answer(answer.status, len(data))
        return data

    def no_content(self, received_bytes: int) -> bytes:
        """The bytes of a 204 to a request of so many bytes, which is counted; as
        `Encoder.no_content`."""
        data = self._encoder.no_content()
        self.counts.note_exchange(received_bytes, NO_CONTENT.status, len(data))
        return data


def command_of(frame: bytes) -> RemotingCommand:
    """The processor's answer, a frame (protocol.md section 1.1)."""
    end = 8 + int.from_bytes(frame[5:8])
    return decode_command(frame[4], frame[8:end], frame[end:])

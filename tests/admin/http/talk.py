"""Conversations in memory: bytes in, bytes out, turns when a test asks for them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from namesrv._impl import Connection
from namesrv.admin.http.conversation import HttpConversation
from namesrv.admin.http.messages import Access, Handled, HttpAnswer, HttpRequest
from namesrv.admin.http.service import HttpService
from namesrv.hot_path import Pause
from namesrv.options import Options
from namesrv.routing.outbox import Effect, LateAnswer
from namesrv.routing.requests.processor import RequestProcessor
from namesrv.server.files.http_tokens import HttpTokens
from namesrv.work import Steps

WALL_MILLIS = 784_111_777_000
"""The date of the examples in RFC 9110."""
DATE = b"Sun, 06 Nov 1994 08:49:37 GMT"


class Open:
    """A guard that lets all requests pass."""

    def turned_away(
        self, request: HttpRequest, connection: Connection
    ) -> HttpAnswer | None:
        return None

    def refusal(
        self, request: HttpRequest, access: Access, connection: Connection, now_ms: int
    ) -> HttpAnswer | None:
        return None

    def token_of(self, request: HttpRequest) -> bytes:
        return b""

    def tokens(self, now_ms: int) -> HttpTokens:
        return HttpTokens()


@dataclass
class Scripted:
    """An application with a handler for each path; it echoes other requests."""

    handlers: dict[str, Callable[[HttpRequest], Handled]] = field(default_factory=dict)
    requests: list[HttpRequest] = field(default_factory=list)
    objections: dict[str, HttpAnswer | Steps[HttpAnswer]] = field(default_factory=dict)

    def objection(
        self,
        request: HttpRequest,
        body_length: int,
        connection: Connection,
        now_ms: int,
    ) -> HttpAnswer | Steps[HttpAnswer] | None:
        return self.objections.get(request.path)

    def handle(
        self, request: HttpRequest, connection: Connection, now_ms: int
    ) -> Handled:
        self.requests.append(request)
        if request.path in self.handlers:
            return self.handlers[request.path](request)
        text = f"{request.method} {request.path}?{request.query} ".encode()
        return HttpAnswer(200, text + request.body, "text/plain")


class Talk:
    """One peer of one server."""

    def __init__(self, **handlers: Callable[[HttpRequest], Handled]) -> None:
        self.now_ms = 1000
        self.processor = RequestProcessor(Options(), lambda: WALL_MILLIS, self.now_ms)
        self.state = self.processor.state
        self.application = Scripted({f"/{path}": h for path, h in handlers.items()})
        service = HttpService(
            self.processor, self.application, Open(), lambda: WALL_MILLIS
        )
        self.connection = Connection(self.state.hot, "10.0.0.1:5000")
        self.conversation = HttpConversation(service, self.connection)
        self.effects: list[Effect] = []

    def send(self, data: bytes) -> bytes:
        """The answer to one read, as far as this turn goes."""
        return self.conversation.receive(data, self.now_ms)

    def turn(self) -> bytes:
        """Another turn of the loop, as `Connections` gives it."""
        self.state.turn.begin()
        self.state.unfinished.go_on(others_wait=False)
        output = b""
        for effect in self.state.outbox.take():
            self.effects.append(effect)
            if isinstance(effect, LateAnswer):
                output += self.conversation.resume(self.now_ms, effect.frame)
        if self.connection.pause in (Pause.TURN, Pause.OUTPUT):
            output += self.conversation.resume(self.now_ms)
        return output

    def converse(self, *reads: bytes) -> bytes:
        """All output to these reads; each is read when the last one is answered."""
        output = b""
        for data in reads:
            output += self.send(data)
            for _ in range(10_000):
                if self.connection.pause == Pause.NONE and not self.state.unfinished:
                    break
                output += self.turn()
        return output


def request(
    target: str = "/", *lines: str, method: str = "GET", body: bytes = b""
) -> bytes:
    """A request with Host and these lines of a header."""
    head = [f"{method} {target} HTTP/1.1", "Host: a:9876", *lines, "", ""]
    return "\r\n".join(head).encode("latin-1") + body


def post(body: bytes, target: str = "/") -> bytes:
    """A request with a body of a known length."""
    return request(target, f"Content-Length: {len(body)}", method="POST", body=body)


@dataclass
class Read:
    """One answer, as a client reads it."""

    status: int
    headers: dict[str, str]
    body: bytes


def answers(output: bytes, *, heads: tuple[int, ...] = ()) -> list[Read]:
    """The answers in bytes; `heads` are the numbers of those to HEAD."""
    found: list[Read] = []
    while output:
        head, end, rest = output.partition(b"\r\n\r\n")
        assert end, output
        line, *fields = head.decode("latin-1").split("\r\n")
        version, status, _ = line.split(" ", 2)
        assert version == "HTTP/1.1"
        headers = dict(item.split(": ", 1) for item in fields)
        assert len(headers) == len(fields)
        length = int(headers.get("Content-Length", 0))
        length = 0 if len(found) in heads else length
        assert len(rest) >= length
        found.append(Read(int(status), headers, rest[:length]))
        output = rest[length:]
    return found

"""An application in memory, on a `World`: requests in, answers out."""

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import urljoin

import msgspec

from namesrv.admin.api.application import Application
from namesrv.admin.api.endpoint import Endpoint
from namesrv.admin.http.messages import (
    Access,
    Asked,
    HttpAnswer,
    HttpRequest,
    Stream,
    Wait,
)
from namesrv.admin.table import ENDPOINTS
from namesrv.hot_path import Pause
from namesrv.server.clock import MachineClock
from namesrv.server.connections.registry import Connections
from namesrv.server.files.http_tokens import HttpTokens
from namesrv.server.inside import Inside
from namesrv.server.logs.events import EventLog
from namesrv.testing.peer import Broker
from namesrv.wire.command import RemotingCommand, decode_command
from namesrv.work import WAIT
from tests.routing.world import World

Translate = Callable[[RemotingCommand], HttpAnswer]


class Open:
    """A guard that notes the right of each request and lets it in."""

    def __init__(self) -> None:
        self.rights: list[Access] = []
        self.answer: HttpAnswer | None = None

    def turned_away(self, request: HttpRequest, connection: Any) -> HttpAnswer | None:
        return None

    def refusal(
        self, request: HttpRequest, access: Access, connection: Any, now_ms: int
    ) -> HttpAnswer | None:
        self.rights.append(access)
        return self.answer

    def token_of(self, request: HttpRequest) -> bytes:
        return b""

    def tokens(self, now_ms: int) -> HttpTokens:
        return HttpTokens()


class Answer:
    """One answer: `json` is its body, whatever its format."""

    def __init__(self, path: str, answer: HttpAnswer) -> None:
        self.path = path
        self.status = answer.status
        self.body = answer.body
        self.content_type = answer.content_type
        self.headers = dict(answer.headers)

    @property
    def json(self) -> Any:
        if self.content_type == "application/msgpack":
            return msgspec.msgpack.decode(self.body)
        return json.loads(self.body)


class Api:
    """An application, and a client of it. `steps` counts the steps of all answers."""

    def __init__(
        self,
        world: World | None = None,
        endpoints: Iterable[Endpoint] = ENDPOINTS,
        **options: Any,
    ) -> None:
        self.world = world or World(**options)
        self.guard = Open()
        self.units: list[int] = []
        self.inside = inside_of(self.world)
        self.application = Application(self.inside, self.guard, endpoints)
        self.between: Callable[[], object] = lambda: None

    def ask(
        self,
        target: str,
        method: str = "GET",
        body: Any = b"",
        **headers: str,
    ) -> Answer:
        """Send a request and finish it; headers are named with underscores."""
        path, _, query = target.partition("?")
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"content_type": "application/json", **headers} if data else headers
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = HttpRequest(method, path, query, names, data)
        return Answer(path, self.handle(request))

    def get(self, target: str, **headers: str) -> Any:
        """The body of a success."""
        answer = self.ask(target, **headers)
        assert answer.status == 200, answer.body
        return answer.json

    def pages(self, target: str, **headers: str) -> list[Any]:
        """The items of all pages from one on."""
        items: list[Any] = []
        while True:
            page = self.get(target, **headers)
            items += page["items"]
            if "next" not in page:
                return items
            target = urljoin(target, page["next"])

    def register(self, topics: Mapping[str, int], broker: Broker | None = None) -> None:
        """A broker registers topics with their number of queues."""
        sent = (broker or Broker()).registration(topics)
        assert self.world.only(self.world.send(sent)).code == 0

    def handle(self, request: HttpRequest) -> HttpAnswer:
        """As a conversation does, in turns of the loop."""
        world = self.world
        while True:
            world.state.turn.begin()
            handled = self.application.handle(request, world.connection, world.now_ms)
            if handled is not Pause.TURN:
                break
            world.next_step()
        if isinstance(handled, Generator):
            handled = self._finished(handled)
        if isinstance(handled, Asked):
            handled = self._asked(handled.command, handled.translate)
        world.flush()
        assert not isinstance(handled, Wait)
        return handled.head if isinstance(handled, Stream) else handled

    def objection(
        self, method: str, target: str, length: int, **headers: str
    ) -> int | None:
        """The status of the answer to a head without its body, None for no answer."""
        request = HttpRequest(method, target, headers=headers)
        connection, now_ms = self.world.connection, self.world.now_ms
        found = self.application.objection(request, length, connection, now_ms)
        if isinstance(found, Generator):
            found = self._finished(found)
        return None if found is None else found.status

    def _finished(self, steps: Any) -> Any:
        while True:
            try:
                units = next(steps)
            except StopIteration as stop:
                return stop.value
            self.units.append(units)
            self.between()
            if units == WAIT:
                self.world.next_step()

    def _asked(self, command: RemotingCommand, translate: Translate) -> HttpAnswer:
        """The processor's answer, also a late one."""
        world = self.world
        connection = world.connection
        while True:
            world.state.turn.begin()
            frame: Any = world.processor.ask(command, connection, world.now_ms)
            world.flush()
            if frame is None:
                frame = world.late_output.pop(connection)
            if frame is not Pause.TURN:
                break
            world.next_step()
        length = int.from_bytes(frame[5:8])
        head, body = frame[8 : 8 + length], frame[8 + length :]
        return translate(decode_command(frame[4], head, body))


def inside_of(world: World, **parts: Mapping[str, Any]) -> Inside:
    """The parts of a server without sockets."""
    log = EventLog()
    clock = MachineClock()
    connections = Connections(
        world.state, log, world.flush, 100_000, lambda call: None, clock
    )
    missing: Any = None
    ticks: Any = SimpleNamespace(add=lambda part: None)
    return Inside(
        options=world.options,
        state=world.state,
        processor=world.processor,
        connections=connections,
        snapshots=missing,
        ticks=ticks,
        clock=clock,
        log=log,
    )

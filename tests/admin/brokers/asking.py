"""HTTP requests of brokers, without a socket: endpoint, handler, processor."""

import json
import re
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

import msgspec

from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.brokers.endpoints import ENDPOINTS
from namesrv.admin.http.messages import Asked, HttpAnswer, HttpRequest
from namesrv.hot_path import Pause
from namesrv.routing.access.request import Request
from namesrv.routing.requests.processor import HANDLERS
from namesrv.server.inside import Inside
from namesrv.wire.command import RemotingCommand
from namesrv.work import finish
from tests.routing.world import World

BROKER = "/v1/clusters/c1/brokers/h/0"
ADDR = "10.0.0.7:10911"
T1 = {"topic": "T1", "read_queues": 4, "write_queues": 4}
T2 = {"topic": "T2", "read_queues": 8, "write_queues": 2, "perm": 4}


class Said(NamedTuple):
    """The status and the body of an answer."""

    status: int
    json: Any

    @property
    def detail(self) -> str:
        """The sentence of a problem."""
        return str(self.json["detail"])


class HttpPeer:
    """Sends requests of brokers to a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.connection = world.connect("10.0.0.7:50000")

    def ask(self, method: str, target: str, body: object = None) -> Said:
        """Send one request; its answer."""
        path, _, query = target.partition("?")
        endpoint, values = _find(method, path)
        pairs = [pair.split("=") for pair in query.split("&") if pair]
        texts = values | {name: unquote(value) for name, value in pairs}
        parameters: Any = endpoint.parameters
        sent = json.dumps(body).encode() if body is not None else b""
        inside: Any = _Inside(self.world.state)
        call = Call(
            cast(Inside, inside),
            self.connection,
            HttpRequest(method, path, query, {}, sent),
            msgspec.convert(texts, parameters, strict=False),
            msgspec.json.decode(sent, type=endpoint.body) if endpoint.body else None,
            self.world.now_ms,
        )
        handled = endpoint.handler(call)
        if isinstance(handled, Asked):
            handled = self._process(handled)
        assert isinstance(handled, HttpAnswer)
        said = json.loads(handled.body) if handled.body else None
        self.world.flush()
        return Said(handled.status, said)

    def put(self, target: str = BROKER, **changes: Any) -> Said:
        """Register a broker, with two topics unless `changes` has others."""
        return self.ask(
            "PUT", target, {"broker_addr": ADDR, "topics": [T1, T2], **changes}
        )

    def register(self, target: str = BROKER, **changes: Any) -> str:
        """Register a broker; the name of its registration."""
        said = self.put(target, **changes)
        assert said.status == 200, said
        return str(said.json["registration"])

    def beat(self, target: str = BROKER, addr: str = ADDR) -> int:
        """Send a heartbeat; the status."""
        return self.ask("POST", f"{target}/heartbeat?broker_addr={addr}").status

    def delete(self, registration: str, target: str = BROKER, addr: str = ADDR) -> Said:
        """Remove a broker."""
        query = f"broker_addr={addr}&registration={registration}"
        return self.ask("DELETE", f"{target}?{query}")

    def _process(self, asked: Asked) -> HttpAnswer:
        request = Request(
            asked.command, self.connection, self.world.now_ms, is_http=True
        )
        handled = HANDLERS[request.code](self.world.state, request)
        assert handled is not None and handled is not Pause.TURN
        answer = handled
        if not isinstance(handled, RemotingCommand):
            answer = finish(handled)
        assert isinstance(answer, RemotingCommand)
        return asked.translate(answer)


class _Inside(NamedTuple):
    state: Any


def _find(method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
    for endpoint in ENDPOINTS:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", endpoint.path)
        match = re.fullmatch(pattern, path)
        if match is not None and endpoint.method == method:
            return endpoint, {n: unquote(v) for n, v in match.groupdict().items()}
    raise AssertionError(f"no endpoint is {method} {path}")

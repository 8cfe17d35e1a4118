"""A server without sockets, and questions to the console's endpoints."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from namesrv.admin.api.endpoint import Call
from namesrv.admin.http.messages import HttpAnswer, HttpRequest
from namesrv.admin.table import ENDPOINTS
from namesrv.testing.peer import Broker
from tests.admin.metrics.inside_server import InsideServer

Make = Callable[..., "Asked"]


class Asked:
    """A server that has ticked once."""

    def __init__(self, data_dir: Path, **options: Any) -> None:
        self.server = InsideServer(data_dir, **options)
        self.server.tick(0)
        self.state = self.server.state

    def get(self, path: str, **parameters: Any) -> Any:
        """The body of an answer; work in steps is finished at once."""
        server = self.server
        endpoint = next(e for e in ENDPOINTS if (e.method, e.path) == ("GET", path))
        kind = endpoint.parameters
        values = None if kind is None else kind(**parameters)
        request, connection = HttpRequest("GET", path), server.peer.protocol.connection
        inside, now_ms = server.inside, server.now_ms
        streams = server.streams
        call = Call(inside, connection, request, values, None, now_ms, streams)
        handled: Any = endpoint.handler(call)
        answer = handled if isinstance(handled, HttpAnswer) else server.finish(handled)
        assert answer.status == 200
        return json.loads(answer.body)

    def problems(self) -> list[tuple[str, str, str]]:
        """Severity, id and sentence of each problem."""
        found = self.get("/v1/problems")["problems"]
        return [(one["severity"], one["id"], one["sentence"]) for one in found]

    def register(self, broker: Broker, topics: dict[str, int]) -> Any:
        """A broker registers on a connection of its own, which is returned."""
        peer = self.server.loop_free.accept()
        peer.receive(broker.registration(topics))
        return peer


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a server with options."""
    return lambda **options: Asked(tmp_path, **options)


@pytest.fixture
def asked(make: Make) -> Asked:
    """A server with the standard options."""
    return make()

"""Servers with HTTP in a thread, and their clients."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

from namesrv import serving
from namesrv._impl import Connection
from namesrv.admin.companion import HttpCompanion
from namesrv.admin.http.messages import Access, Handled, HttpAnswer, HttpRequest
from namesrv.admin.http.service import Application, Guard
from namesrv.server.inside import Inside
from namesrv.server.running.serving import ServingThread
from namesrv.testing.peer import WAIT_SECONDS, Address
from tests.server.server_thread import local_options


@dataclass
class Echo:
    """Answers with the request and its peer; the paths of `rights` are guarded."""

    rights: dict[str, Access] = field(default_factory=dict)
    handlers: dict[str, Callable[[HttpRequest], Handled]] = field(default_factory=dict)
    guard: Guard | None = None

    def handle(
        self, request: HttpRequest, connection: Connection, now_ms: int
    ) -> Handled:
        if request.path in self.handlers:
            return self.handlers[request.path](request)
        refused = self.objection(request, 0, connection, now_ms)
        if refused is not None:
            return refused
        seen = {
            "method": request.method,
            "path": request.path,
            "body": request.body.decode(),
            "peer": connection.remote_address,
        }
        return HttpAnswer(200, json.dumps(seen).encode())

    def objection(
        self,
        request: HttpRequest,
        body_length: int,
        connection: Connection,
        now_ms: int,
    ) -> HttpAnswer | None:
        access = self.rights.get(request.path)
        if access is None or self.guard is None:
            return None
        return self.guard.refusal(request, access, connection, now_ms)


def made_of(echo: Echo) -> Callable[[Inside, Guard], Application]:
    """The function with which a companion makes this application."""

    def make(inside: Inside, guard: Guard) -> Application:
        echo.guard = guard
        return echo

    return make


@contextmanager
def serving_http(
    data_dir: Path, echo: Echo | None = None, **options: Any
) -> Iterator[ServingThread]:
    """A server with HTTP; an `echo` takes the place of the API."""
    make = None if echo is None else made_of(echo)
    companions = [HttpCompanion(make)]
    with serving(local_options(data_dir, **options), companions=companions) as server:
        yield server


def asking(address: Address) -> HTTPConnection:
    """A connection of the library's own client."""
    return HTTPConnection(*address, timeout=WAIT_SECONDS)


def asked(
    address: Address, path: str = "/", method: str = "GET", **headers: str
) -> tuple[int, Any, HTTPResponse]:
    """Status, body as JSON, and the answer, to one request on a new connection."""
    client = asking(address)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    client.request(method, path, headers=names)
    answer = client.getresponse()
    body = json.loads(answer.read() or b"null")
    client.close()
    return answer.status, body, answer

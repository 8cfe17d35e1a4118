"""Servers with HTTP, in a thread, and what tests ask them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from namesrv import serving
from namesrv._impl import Connection
from namesrv.admin.companion import HttpCompanion
from namesrv.admin.http.messages import Handled, HttpAnswer, HttpRequest
from namesrv.admin.http.service import Application, Guard
from namesrv.server.inside import Inside
from namesrv.server.running.serving import ServingThread
from namesrv.testing.peer import WAIT_SECONDS, Address
from tests.server.server_thread import local_options


class Echo:
    """An application that answers with the request."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []

    def handle(
        self, request: HttpRequest, connection: Connection, now_ms: int
    ) -> Handled:
        self.requests.append(request)
        text = f"{request.method} {request.path} {request.query} "
        return HttpAnswer(200, text.encode() + request.body, "text/plain")


def made_of(application: Application) -> Callable[[Inside, Guard], Application]:
    """What a companion makes its application with."""
    return lambda inside, guard: application


@contextmanager
def serving_http(
    data_dir: Path, application: Application | None = None, **options: Any
) -> Iterator[ServingThread]:
    """A server with HTTP; `application` takes the place of the API."""
    make = None if application is None else made_of(application)
    with serving(
        local_options(data_dir, **options), companions=[HttpCompanion(make)]
    ) as server:
        yield server


def asking(address: Address) -> HTTPConnection:
    """A connection of the library's own client."""
    return HTTPConnection(*address, timeout=WAIT_SECONDS)

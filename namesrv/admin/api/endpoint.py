"""One endpoint: method, path, types and handler."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from namesrv._impl import Connection
from namesrv.admin.http.messages import Access, Handled, HttpRequest
from namesrv.server.inside import Inside

MOST_ITEMS: Final = 500
"""Items of a page at most."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request for an endpoint: `parameters` and `body` are instances of its types,
    None if it has none."""

    inside: Inside
    connection: Connection
    request: HttpRequest
    parameters: Any
    body: Any
    now_ms: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One line of the table.

    `path` has parameters in braces, as in `/v1/topics/{topic}`. `parameters` has a
    member for each of them and for each name of the query. `answer` is the type of the
    body of a 200, None without a body. `errors` are the statuses that it may answer
    besides those that every endpoint has (400, 401, 403, 405, 406).
    """

    method: str
    path: str
    summary: str
    handler: Callable[[Call], Handled]
    access: Access = Access.READ
    parameters: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    answer: Any = None
    status: int = 200
    errors: tuple[int, ...] = ()

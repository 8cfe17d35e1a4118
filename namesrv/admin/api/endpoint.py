"""One endpoint: method, path, types and handler."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from namesrv._impl import Connection
from namesrv.admin.http.messages import Access, Handled, HttpRequest
from namesrv.admin.streams.streams import Streams
from namesrv.server.inside import Inside

COMMON_ERRORS: Final = (400, 401, 403, 405, 406, 500)
"""Statuses that every endpoint may answer."""
MOST_ITEMS: Final = 500
"""Items of a page at most."""
LONGEST_BODY: Final = 1 << 20
"""Bytes of a body that is read in one step."""


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
    streams: Streams


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One line of the table.

    `path` has parameters in braces, as in `/v1/topics/{topic}`; a fixed text may stand
    before one. `parameters` has a member for each of them and for each name of the
    query. `answer` is the type of the body of a `status`, None without a body; it is
    negotiated between JSON and MessagePack. An endpoint whose body is neither names its
    content type in `produces`. `errors` are the statuses that it may answer besides
    COMMON_ERRORS, and besides 413 and 415 for a body that has a type.

    A body without a type (`body` None) is refused, unless `takes_bytes` leaves it to
    the handler. `depends` gives values that are equal as long as the answer would be
    equal, for its ETag; an answer with ages has none, and None is for a call without
    one. `explain` may give a sentence
    about a member that `body` does not have.
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
    produces: str = ""
    takes_bytes: bool = False
    longest_body: int = LONGEST_BODY
    depends: Callable[[Call], tuple[object, ...] | None] | None = None
    explain: Callable[[str], str | None] = lambda name: None

    @property
    def problems(self) -> tuple[int, ...]:
        """All statuses of its errors."""
        of_body = () if self.body is None else (413, 415)
        return tuple(sorted({*COMMON_ERRORS, *of_body, *self.errors}))

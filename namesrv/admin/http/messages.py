"""One request and one answer, as values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal, TypeAlias

from namesrv.hot_path import Pause
from namesrv.wire.command import RemotingCommand
from namesrv.work import Steps


class Access(Enum):
    """The right that a request needs."""

    HEALTH = "health"
    """Probes: always open, unless `httpAccess` is off."""
    PAGE = "page"
    """Files that show nothing of the server: as READ, without a token."""
    READ = "read"
    """`httpAccess` decides."""
    WRITE = "write"
    """A write token in a header, always."""
    BROKER = "broker"
    """A broker makes itself known: `brokerAccess` decides."""


@dataclass(slots=True)
class HttpRequest:
    """One request, which nobody changes. `path` and `query` are as they were sent,
    percent-encoded; names of `headers` are in lower case, a repeated one is joined by
    commas; a chunked `body` is joined."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(slots=True)
class HttpAnswer:
    """One answer, which nobody changes; length, date, connection and encoding are added
    when it is sent."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


NO_CONTENT: Final = HttpAnswer(204, content_type="")
"""The answer to a request that was carried out and has nothing to show."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of the remoting protocol in place of an HTTP one.

    The processor handles it as if it had come on the same connection, except that the
    caller has checked its right; `translate` makes the HTTP answer of its answer.
    `objection` is called right before the processor gets the command, each time if it
    has to come again: it gives the answer to a request that may not be handled by then.
    """

    command: RemotingCommand
    translate: Callable[[RemotingCommand], HttpAnswer]
    objection: Callable[[], HttpAnswer | None] | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that goes on until one side closes the connection.

    `head` is its beginning: status, header and first bytes. After that `begin` is
    called, and the rest comes as late answers of the connection (`LateAnswer`), whose
    bytes are sent as they are. Input of the peer ends it.
    """

    head: HttpAnswer
    begin: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Wait:
    """An answer that comes when something happens, or after a time.

    `begin` gets the function that takes the answer, once and in a later step. `hurry`
    asks for it as it is by then, because the peer has sent more.
    """

    begin: Callable[[Callable[[HttpAnswer], None]], None]
    hurry: Callable[[], None]


Result: TypeAlias = HttpAnswer | Asked | Wait
"""An answer, a request for the processor that gives it, or a wait for it."""
Handled: TypeAlias = (
    Result | Stream | Steps[HttpAnswer] | Steps[Result] | Literal[Pause.TURN]
)
"""The result of a handler: at once or in steps, or `Pause.TURN` if the request has to
come again in another turn."""

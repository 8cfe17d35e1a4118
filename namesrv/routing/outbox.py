"""Effects that the state wants; the server empties the outbox after each call.

Nothing in `routing` calls up: logs, files, notifications and closes go in here.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from msgspec import Struct

from namesrv._impl import Connection
from namesrv.errors import StorageError
from namesrv.routing.events import Event

BURST: Final = 20
"""Lines of one event that peers may cause at once."""
BURST_OF_BROKERS: Final = 400
"""As many of each kind when brokers come and go, since a cluster does so at once."""


class LogEvent(Struct, frozen=True):
    """One line for the log: an English phrase and its facts.

    `level` is one of `logging`. Peers may cause `burst` lines, then some a second.
    """

    level: int
    event: str
    fields: dict[str, object]
    peer_caused: bool = True
    burst: int = BURST


class AuditEvent(Struct, frozen=True):
    """One line of the audit log: the name of a request code and its facts.

    Refused requests are
    rate-limited, as peers may cause it as often as they like.
    """

    event: str
    fields: dict[str, object]
    is_done: bool


class Notification(Struct, frozen=True):
    """A one-way frame for brokers (905), by their `host:port` addresses."""

    addresses: tuple[str, ...]
    frame: bytes


class FileWrite(Struct, frozen=True):
    """A file to be replaced. `content` is called right before the write, so that it
    builds on whatever earlier writes changed; its pieces may be taken by any thread.
    `done` gets the failure or None."""

    path: str
    content: Callable[[], Iterable[bytes]]
    done: Callable[[StorageError | None], None]


class RouteQuery(Struct, frozen=True):
    """A topic to be asked of another cluster (cluster-test mode). `done` gets the body
    of its route in the legacy dialect, or None."""

    topic: str
    done: Callable[[bytes | None], None]


class LateAnswer(Struct, frozen=True):
    """The answer of a request that had to wait; goes to `Connection.resume`."""

    connection: Connection
    frame: bytes


class LongAnswer(Struct, frozen=True):
    """The answer of a request that waits until all of it was sent: a whole frame in
    pieces, which take `kept_bytes` in memory until then."""

    connection: Connection
    pieces: Iterator[bytes]
    kept_bytes: int


class Close(Struct, frozen=True):
    """A connection on which no live broker is left after an expiry."""

    connection: Connection


Effect: TypeAlias = (
    LogEvent
    | AuditEvent
    | Notification
    | FileWrite
    | RouteQuery
    | LateAnswer
    | LongAnswer
    | Close
    | Event
)


class Outbox(Struct):
    """Effects in the order in which they are to happen.

    `is_debugging` means that the log takes DEBUG; callers look before they make much.
    """

    effects: list[Effect] = []
    is_debugging: bool = False

    def __bool__(self) -> bool:
        return bool(self.effects)

    def put(self, effect: Effect) -> None:
        """Add one effect."""
        self.effects.append(effect)

    def info(self, event: str, **fields: object) -> None:
        """Log a normal occurrence (protocol.md section 4.8)."""
        self.effects.append(LogEvent(logging.INFO, event, fields))

    def warn(self, event: str, **fields: object) -> None:
        """Log a mistake of a peer, or something that an operator should check."""
        self.effects.append(LogEvent(logging.WARNING, event, fields))

    def debug(self, event: str, **fields: object) -> None:
        """Log a detail that helps to find a mistake."""
        if self.is_debugging:
            self.effects.append(LogEvent(logging.DEBUG, event, fields))

    def notify(self, addresses: Iterable[str], frame: bytes) -> None:
        """Send a frame to brokers."""
        self.effects.append(Notification(tuple(addresses), frame))

    def take(self) -> Iterator[Effect]:
        """All effects, oldest first; the outbox is empty afterwards."""
        effects, self.effects = self.effects, []
        return iter(effects)

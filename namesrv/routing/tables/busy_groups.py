"""Broker groups that work in steps is changing.

Between two steps of it others are served. Another change of such a group comes again in
another turn, or waits in line; a lookup of a route that would mix two registrations
(P2) comes again, too.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Set
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from typing import Final

from namesrv._impl import Connection
from namesrv.work import WAIT, Steps

MOST_SMALL_BODIES: Final = 64
"""Records read from a body take 20 times its bytes, too."""
_READER_TURNS: Final = 16
"""Turns that lookups have before other work after each registration."""


class Awaited(Enum):
    """The end that a request waits for before it comes again."""

    ROUTE = "no route is hidden"
    BODY = "no body is being read or applied"
    ANSWER = "no large answer is being written"


class BusyGroups:
    """The names of such groups. Work that waits for one has it before new requests."""

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._hidden: set[str] = set()
        self._awaited: Counter[str] = Counter()
        self._has_body = False
        self._has_answer = False
        self._small_bodies = 0
        self._put_back: tuple[Connection, Awaited] | None = None
        self._readers = 0
        self._reader_turns = 0

    @property
    def readers_first(self) -> bool:
        """Whether lookups that waited for a registration go before the next one.

        Otherwise they would find a busy group for as long as registrations follow
        each other. They have some turns; then others go on.
        """
        return bool(
            self._readers and not self._hidden and self._reader_turns < _READER_TURNS
        )

    @property
    def has_small_bodies(self) -> bool:
        """Whether the limit of small bodies read or applied at once is reached."""
        return self._small_bodies >= MOST_SMALL_BODIES

    @property
    def has_body(self) -> bool:
        """Whether a body is being read or applied. Bodies are read one at a time,
        because their records take many times their bytes."""
        return self._has_body

    @property
    def has_answer(self) -> bool:
        """Whether a large answer is being written; they are written one by one, because
        each takes its bytes several times meanwhile."""
        return self._has_answer

    def is_busy(self, name: str) -> bool:
        """Whether a new request may not change this group yet."""
        return name in self._held or name in self._awaited

    def are_busy(self, names: Collection[str]) -> bool:
        """Whether any of these is busy."""
        if not self._held and not self._awaited:
            return False
        return any(map(self.is_busy, names))

    @property
    def held(self) -> Set[str]:
        """The groups of which a change was begun and has not ended."""
        return self._held

    def hides(self, names: Collection[str]) -> bool:
        """Whether a route with any of these groups has to wait."""
        hidden = self._hidden
        return bool(hidden) and any(name in names for name in hidden)

    def put_back(self, connection: Connection, awaited: Awaited) -> None:
        """The request of a connection comes again when that end has come."""
        self._put_back = (connection, awaited)

    def take_put_back(self, connection: Connection) -> Awaited | None:
        """The end that the last request waits for, if a connection sent it; once. A
        lookup counts as waiting from now on, until `reader_goes` is called."""
        if self._put_back is None or self._put_back[0] is not connection:
            return None
        _, awaited = self._put_back
        self._put_back = None
        self._readers += awaited is Awaited.ROUTE
        return awaited

    def begin_reader_turn(self) -> bool:
        """Whether the turn that begins belongs to lookups that waited."""
        is_theirs = self.readers_first
        self._reader_turns += is_theirs
        return is_theirs

    def reader_goes(self) -> None:
        """A lookup that waited has its turn now."""
        self._readers -= 1

    def is_over(self, awaited: Awaited) -> bool:
        """Whether that end has come."""
        match awaited:
            case Awaited.ROUTE:
                return not self._hidden
            case Awaited.BODY:
                return not self._has_body
            case Awaited.ANSWER:
                return not self._has_answer

    def wait(self, name: str) -> Steps[None]:
        """Wait until nobody holds a group."""
        return self.wait_all((name,))

    def wait_all(self, names: Collection[str]) -> Steps[None]:
        """Wait until nobody holds any of these."""
        if self._held.isdisjoint(names):
            return
        self._awaited.update(names)
        try:
            while not self._held.isdisjoint(names):
                yield WAIT
        finally:
            for name in names:
                self._awaited[name] -= 1
                if not self._awaited[name]:
                    del self._awaited[name]

    def hold(self, name: str) -> AbstractContextManager[None]:
        """A group is being changed, from here on to the end of the block."""
        return self.hold_all((name,))

    @contextmanager
    def hold_all(self, names: Collection[str]) -> Iterator[None]:
        """These groups are being changed, from here on to the end of the block."""
        self._held.update(names)
        try:
            yield
        finally:
            self._held.difference_update(names)
            self._hidden.difference_update(names)

    @contextmanager
    def hold_body(self) -> Iterator[None]:
        """A body is read and applied, from here on to the end of the block."""
        self._has_body = True
        try:
            yield
        finally:
            self._has_body = False

    @contextmanager
    def hold_answer(self) -> Iterator[None]:
        """A large answer is written, from here on to the end of the block."""
        self._has_answer = True
        try:
            yield
        finally:
            self._has_answer = False

    @contextmanager
    def hold_small_body(self) -> Iterator[None]:
        """As `hold_body`, for one of the small ones."""
        self._small_bodies += 1
        try:
            yield
        finally:
            self._small_bodies -= 1

    def hide(self, name: str) -> None:
        """From now on until it is no longer held, routes with a group wait."""
        self._hidden.add(name)
        self._reader_turns = 0

"""Two lines for turns of the loop, in which no address is served twice before another.

Each address has one share of a line, however much of it waits. The first line has three
of four turns while somebody waits in the second.
"""

from collections import deque
from typing import Final, Generic, TypeVar

from namesrv._impl import Connection

Thing = TypeVar("Thing")

_FIRST_IN_A_ROW: Final = 3
"""Turns of the first line before the other one has one, too."""


class _Line(Generic[Thing]):
    """One turn for each host in line, and for each thing of a host."""

    def __init__(self) -> None:
        self._by_host: dict[str, deque[Thing]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_host)

    def put(self, host: str, thing: Thing) -> None:
        self._by_host.setdefault(host, deque()).append(thing)

    def take(self) -> tuple[str, Thing]:
        host = next(iter(self._by_host))
        of_host = self._by_host.pop(host)
        thing = of_host.popleft()
        if of_host:
            # Dictionaries keep the order: the host stands at the end again.
            self._by_host[host] = of_host
        return host, thing

    def clear(self) -> None:
        self._by_host.clear()


class FairLines(Generic[Thing]):
    """Both lines; `len` of it is how many things wait."""

    def __init__(self) -> None:
        self._first: _Line[Thing] = _Line()
        self._second: _Line[Thing] = _Line()
        self._in_a_row = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, host: str, thing: Thing, *, is_first: bool) -> None:
        """Wait at the end of a line, for the share of `host`."""
        (self._first if is_first else self._second).put(host, thing)
        self._count += 1

    def take(self) -> tuple[str, Thing, bool]:
        """The next item in turn, as `put` got it; the lines must not be empty."""
        self._count -= 1
        if self._first and not (self._second and self._in_a_row >= _FIRST_IN_A_ROW):
            # Only turns for which somebody has waited count.
            self._in_a_row = self._in_a_row + 1 if self._second else 0
            return *self._first.take(), True
        self._in_a_row = 0
        return *self._second.take(), False

    def clear(self) -> None:
        """Nobody has a turn any more."""
        self._first.clear()
        self._second.clear()
        self._count = 0


def host_in_line(connection: Connection) -> str:
    """The address whose share a connection takes."""
    host, _, _ = connection.socket_address.rpartition(":")
    return host

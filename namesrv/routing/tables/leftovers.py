"""Leftovers of refused, broken or clashing registrations, until they are due.

The tables report each leftover when it comes and when it goes, so that a scan checks
nothing else.
"""

from collections import OrderedDict
from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

from namesrv.codes import DEFAULT_HEARTBEAT_TIMEOUT_MILLIS

LEFTOVER_KEPT_MILLIS: Final = DEFAULT_HEARTBEAT_TIMEOUT_MILLIS


class LeftoverKind(IntEnum):
    """The leftover itself."""

    ADDRESS = 0
    """An address of a group that nobody registers; `what` is the address."""
    GROUP = 1
    """A group without addresses."""
    NAME = 2
    """A name of a cluster without a group; `what` is the cluster."""


class Leftover(NamedTuple):
    """One of them; `name` is the broker name."""

    kind: LeftoverKind
    name: str | None
    what: str | None = None


class Leftovers:
    """All of them, the oldest first."""

    def __init__(self) -> None:
        self._new: dict[Leftover, None] = {}
        self._since: OrderedDict[Leftover, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._new) + len(self._since)

    def note(self, kind: LeftoverKind, name: str | None, what: str | None) -> None:
        """Something is left over; it is as old as the next scan."""
        leftover = Leftover(kind, name, what)
        if leftover not in self._since:
            self._new[leftover] = None

    def settle(self, kind: LeftoverKind, name: str | None, what: str | None) -> None:
        """It is not any more, or is gone."""
        leftover = Leftover(kind, name, what)
        if leftover in self._new:
            del self._new[leftover]
        else:
            self._since.pop(leftover, None)

    def due(self, judged_ms: int, now_ms: int) -> Iterator[Leftover]:
        """Each that had been there for long enough at `judged_ms`; it is forgotten."""
        self._since.update(dict.fromkeys(self._new, now_ms))
        self._new.clear()
        while self._since:
            leftover, since_ms = next(iter(self._since.items()))
            if judged_ms - since_ms < LEFTOVER_KEPT_MILLIS:
                return
            del self._since[leftover]
            yield leftover

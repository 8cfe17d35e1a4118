"""Since when each difference to a peer has been there."""

from collections.abc import Hashable, Iterable
from typing import NamedTuple


class Beginning(NamedTuple):
    """When a difference was first seen: monotonic milliseconds, and the date."""

    since_ms: int
    since_millis: int


class Lasting:
    """Remembers the differences of the last round; those that are gone are forgotten,
    so that one that comes back begins anew."""

    def __init__(self) -> None:
        self._began: dict[Hashable, Beginning] = {}

    def note(
        self, found: Iterable[Hashable], wall_millis: int, now_ms: int
    ) -> dict[Hashable, Beginning]:
        """The differences of this round with their beginnings."""
        begins = Beginning(now_ms, wall_millis)
        self._began = {one: self._began.get(one, begins) for one in found}
        return self._began

    def longest_millis(self, now_ms: int) -> int | None:
        """How long the oldest of them has lasted; None without any."""
        oldest = min((one.since_ms for one in self._began.values()), default=None)
        return None if oldest is None else now_ms - oldest

"""Which topics changed lately, for the lists of topics that are kept.

A registration may bring 10,000 topics, and there may be a thousand lists: it notes the
names once, and each list reads on from where it was when it is asked for.
"""

from collections.abc import Iterable, Sequence
from typing import Final

LEAST_KEPT: Final = 4096
"""The log holds as many names as there are topics, and at least this many."""


class TopicLog:
    """Names of topics whose groups or flags changed, oldest first. Nothing is noted
    before somebody reads it."""

    __slots__ = ("_is_read", "_names", "_start")

    def __init__(self) -> None:
        self._is_read = False
        self._names: list[str] = []
        self._start = 0

    @property
    def is_read(self) -> bool:
        """Whether anybody wants to know."""
        return self._is_read

    @property
    def start(self) -> int:
        """The number of the first name that it still has."""
        return self._start

    @property
    def end(self) -> int:
        """The number that the next name will have."""
        return self._start + len(self._names)

    def follow(self) -> int:
        """Somebody reads it from now on; the number of the next name."""
        self._is_read = True
        return self.end

    def note(self, names: Iterable[str], most: int) -> None:
        """These changed. With more than `most` names it begins anew."""
        if not self._is_read:
            return
        self._names.extend(names)
        if len(self._names) > max(most, LEAST_KEPT):
            self.restart()

    def restart(self) -> None:
        """Forget all names: readers have to check every topic."""
        # One more, so that also those that had read all of it look.
        self._start = self.end + 1
        self._names = []

    def read(self, number: int, most: int) -> Sequence[str]:
        """At most so many names from a number on, which it must still have."""
        place = number - self._start
        return self._names[place : place + most]

"""The phases of a server's life, from serving to its end, in their order.

The steps of each phase are in `namesrv/server/life/ending.py`.
"""

from collections.abc import Callable
from enum import IntEnum


class Phase(IntEnum):
    """A later phase has all restrictions of the ones before it."""

    SERVING = 0
    DRAINING = 1
    """The end has begun: silence or a closed connection removes no broker."""
    FROZEN = 2
    """No more input is read; requests that were read are still carried out."""
    HALTED = 3
    """No request is carried out any more: the state is saved as it is."""


class Life:
    """The phase of one server. `enter` is the only way to change it."""

    __slots__ = ("_phase", "_watchers")

    def __init__(self) -> None:
        self._phase = Phase.SERVING
        self._watchers: list[Callable[[], None]] = []

    @property
    def phase(self) -> Phase:
        """The phase of now."""
        return self._phase

    def enter(self, phase: Phase) -> None:
        """Begin a phase. A phase that is over never comes back."""
        if phase > self._phase:
            self._phase = phase
            for watcher in self._watchers:
                watcher()

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call a function at the beginning of each phase."""
        self._watchers.append(watcher)

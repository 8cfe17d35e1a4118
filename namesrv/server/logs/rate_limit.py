"""How many lines peers may cause: token buckets, one for each event and one for all."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from namesrv.routing.outbox import BURST

LINES_PER_SECOND: Final = 5
"""How fast one event may be logged, after its burst."""
BURST_OF_ALL: Final = 1000
"""Lines of all events together that peers may cause at once ..."""
LINES_OF_ALL_PER_SECOND: Final = 50
"""... and how fast they may cause more."""


class _Allowance:
    """A token bucket: the rest of `burst`, since when, and the lines held back."""

    __slots__ = ("burst", "left", "per_second", "since", "suppressed")

    def __init__(self, now: float, burst: int, per_second: int) -> None:
        self.burst = burst
        self.per_second = per_second
        self.left: float = burst
        self.since = now
        self.suppressed = 0

    def refill(self, now: float) -> None:
        earned = (now - self.since) * self.per_second
        self.left = min(self.burst, self.left + earned)
        self.since = now


class RateLimit:
    """Holds back lines that peers cause too often; each event has its own allowance.

    `monotonic` gives seconds. Events are phrases of ours, so that there are few. Any
    thread may call it.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._allowances: dict[str, _Allowance] = {}
        self._all = _Allowance(0.0, BURST_OF_ALL, LINES_OF_ALL_PER_SECOND)

    def admit(self, event: str, burst: int = BURST) -> int | None:
        """None for a line to be held back, else how many were before it."""
        with self._lock:
            now = self._monotonic()
            allowance = self._allowances.get(event)
            if allowance is None:
                allowance = _Allowance(now, burst, LINES_PER_SECOND)
                self._allowances[event] = allowance
            allowance.refill(now)
            self._all.refill(now)
            if allowance.left < 1 or self._all.left < 1:
                allowance.suppressed += 1
                return None
            allowance.left -= 1
            self._all.left -= 1
            suppressed, allowance.suppressed = allowance.suppressed, 0
            return suppressed

    def take_quiet(self) -> Iterator[tuple[str, int]]:
        """Events that have become quiet, and how many lines of each were held back."""
        with self._lock:
            now = self._monotonic()
            quiet: list[tuple[str, int]] = []
            for event, allowance in self._allowances.items():
                allowance.refill(now)
                if allowance.suppressed and allowance.left >= BURST:
                    quiet.append((event, allowance.suppressed))
                    allowance.suppressed = 0
        return iter(quiet)

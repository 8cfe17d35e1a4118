"""The rate of log lines: token buckets, one for each event and one for all of peers.

It is the only way in which repeated lines are damped. Lines beyond the rate are dropped
and counted; the next line of the event has their number.
"""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from namesrv.routing.outbox import BURST

LINES_PER_SECOND: Final = 5
"""Lines of one event that peers may cause a second, after its burst."""
BURST_OF_ALL: Final = 1000
"""Lines of all events together that peers may cause at once."""
LINES_OF_ALL_PER_SECOND: Final = 50
"""Lines of all events together that peers may cause a second, after their burst."""


class _Allowance:
    """A token bucket: `left` of `burst` at the time `since`, and the lines dropped."""

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
    """Drops lines of events that come too often; each event has its own allowance.

    `monotonic` returns seconds. Events are phrases of ours, so there are few. Any
    thread may call it. `suppressed_in_all` are the lines dropped so far.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._allowances: dict[str, _Allowance] = {}
        self._all = _Allowance(0.0, BURST_OF_ALL, LINES_OF_ALL_PER_SECOND)
        self.suppressed_in_all = 0

    def admit(self, event: str, burst: int = BURST) -> int | None:
        """Admit a line that a peer causes: `burst` at once, then 5 a second.

        Returns None when the line is dropped, else the number of lines dropped since
        the last one.
        """
        with self._lock:
            self._all.refill(self._monotonic())
            suppressed = self._take(event, burst, LINES_PER_SECOND, self._all.left)
            if suppressed is not None:
                self._all.left -= 1
            return suppressed

    def admit_own(self, event: str) -> int | None:
        """Admit a line once a second, however many lines of other events come.

        Returns the same as `admit`.
        """
        with self._lock:
            return self._take(event, 1, 1, 1)

    def take_quiet(self) -> Iterator[tuple[str, int]]:
        """Events that have become quiet, with the number of lines dropped of each."""
        with self._lock:
            now = self._monotonic()
            quiet: list[tuple[str, int]] = []
            for event, allowance in self._allowances.items():
                allowance.refill(now)
                enough = min(BURST, allowance.burst)
                if allowance.suppressed and allowance.left >= enough:
                    quiet.append((event, allowance.suppressed))
                    allowance.suppressed = 0
        return iter(quiet)

    def _take(
        self, event: str, burst: int, per_second: int, left_of_all: float
    ) -> int | None:
        now = self._monotonic()
        allowance = self._allowances.get(event)
        if allowance is None:
            allowance = _Allowance(now, burst, per_second)
            self._allowances[event] = allowance
        allowance.refill(now)
        if min(allowance.left, left_of_all) < 1:
            allowance.suppressed += 1
            self.suppressed_in_all += 1
            return None
        allowance.left -= 1
        suppressed, allowance.suppressed = allowance.suppressed, 0
        return suppressed

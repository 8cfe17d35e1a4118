"""The time in which brokers could be heard, over all runs; leases count it."""

from typing import Final

_SLACK_MILLIS: Final = 1000
"""Tolerance of one tick for each stall of the machine."""


class Served:
    """The oracle's own clock of leases, in times of the simulation."""

    def __init__(self) -> None:
        self._before_millis = 0
        self._started_ms = 0
        self._lost_millis = 0

    def millis(self, now_ms: int) -> int:
        """The served time of all runs together."""
        return self._before_millis + now_ms - self._started_ms

    def stalled(self, millis: int) -> None:
        """The machine stalled."""
        self._before_millis -= millis

    def ended(self, now_ms: int, lost_millis: int) -> None:
        """A run ended; the server may not have saved its last moments."""
        self._before_millis = self.millis(now_ms)
        self._started_ms = now_ms
        self._lost_millis = lost_millis

    def started(self, now_ms: int) -> None:
        """The next run begins."""
        self._started_ms = now_ms

    def left_millis(self, least_ms: int, most_ms: int) -> tuple[int, int]:
        """The least and the most rest of a lease at the start of a run."""
        least = least_ms - self._before_millis - _SLACK_MILLIS
        return least, most_ms - self._before_millis + self._lost_millis + _SLACK_MILLIS

"""How long brokers could have been heard of, over restarts; leases count this."""

from typing import Final

_SLACK_MILLIS: Final = 1000
"""A tick for each stall of the machine, at most."""


class Served:
    """The oracle's own clock of leases; all times are those of the world."""

    def __init__(self) -> None:
        self._before_millis = 0
        self._started_ms = 0
        self._lost_millis = 0

    def millis(self, now_ms: int) -> int:
        """How long all runs have served together."""
        return self._before_millis + now_ms - self._started_ms

    def stalled(self, millis: int) -> None:
        """The machine stood still."""
        self._before_millis -= millis

    def ended(self, now_ms: int, lost_millis: int) -> None:
        """A run is over; the server may not know of its last moments."""
        self._before_millis = self.millis(now_ms)
        self._started_ms = now_ms
        self._lost_millis = lost_millis

    def started(self, now_ms: int) -> None:
        """The next one begins."""
        self._started_ms = now_ms

    def left_millis(self, least_ms: int, most_ms: int) -> tuple[int, int]:
        """The rest of a lease, at least and at most, at the start of a run."""
        least = least_ms - self._before_millis - _SLACK_MILLIS
        return least, most_ms - self._before_millis + self._lost_millis + _SLACK_MILLIS

"""The lag of the event loop: how much later than planned each tick came."""

from collections import deque
from typing import Final

BUCKETS_MILLIS: Final = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000)
"""Upper bounds of the histogram; a last bucket has all that is longer."""
WINDOW_MILLIS: Final = 60_000
"""How long the longest lag is remembered."""


class LoopLag:
    """Lags of one server, in whole milliseconds.

    `last_millis` is that of the last tick. `counts` has the number of lags of each
    bucket, not added up, and `total_millis` is their sum.
    """

    def __init__(self) -> None:
        self.last_millis = 0
        self.total_millis = 0
        self.counts = [0] * (len(BUCKETS_MILLIS) + 1)
        # Each (time, lag) is longer than all after it.
        self._longest: deque[tuple[int, int]] = deque()

    def note(self, lag_millis: int, now_ms: int) -> None:
        """A tick came so late."""
        lag_millis = max(lag_millis, 0)
        self.last_millis = lag_millis
        self.total_millis += lag_millis
        self.counts[_bucket(lag_millis)] += 1
        longest = self._longest
        while longest and longest[-1][1] <= lag_millis:
            longest.pop()
        longest.append((now_ms, lag_millis))
        while now_ms - longest[0][0] > WINDOW_MILLIS:
            longest.popleft()

    def longest_millis(self, within_millis: int, now_ms: int) -> int:
        """The longest lag of the last `within_millis`, at most WINDOW_MILLIS; 0 if no
        tick came in that time."""
        for at_ms, lag_millis in self._longest:
            if now_ms - at_ms <= within_millis:
                return lag_millis
        return 0


def _bucket(lag_millis: int) -> int:
    for place, bound in enumerate(BUCKETS_MILLIS):
        if lag_millis <= bound:
            return place
    return len(BUCKETS_MILLIS)

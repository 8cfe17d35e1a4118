"""Pauses of reading that the server's own work caused, for the oracle.

Written from docs/promises.md, P3 and P4: a pause moves no deadline. Bytes sent
before its end count as read once the same time, or a grace interval, has passed again.
"""

from typing import Final, NamedTuple

GRACE_MILLIS: Final = 5000


class _Pause(NamedTuple):
    """Its start and end, and the end of its hold."""

    start_ms: int
    end_ms: int
    until_ms: int


class Pauses:
    """Pauses of one run in the order of time."""

    def __init__(self) -> None:
        self._pauses: list[_Pause] = []

    def add(self, start_ms: int, end_ms: int) -> None:
        """Note a pause."""
        hold_millis = min(end_ms - start_ms, GRACE_MILLIS)
        self._pauses.append(_Pause(start_ms, end_ms, end_ms + hold_millis))

    def held_until_ms(self) -> int:
        """The earliest time at which an end noticed now counts; 0 without pauses."""
        return max((pause.until_ms for pause in self._pauses), default=0)

    def begins_in(self, at_ms: int, millis: int) -> bool:
        """Whether a pause begins within so many milliseconds after a moment."""
        return any(0 <= p.start_ms - at_ms <= millis for p in self._pauses)

    def read_until_ms(self, at_ms: int, lag_millis: int = 0) -> int:
        """The moment up to which deadlines can be checked at a given time; the server
        may notice the end of a hold later by the given lag."""
        for pause in self._pauses:
            if pause.start_ms <= at_ms < pause.end_ms:
                at_ms = pause.start_ms
        before = [pause for pause in self._pauses if pause.end_ms <= at_ms]
        over = [p.end_ms for p in before if p.until_ms + lag_millis <= at_ms]
        holding = [p.start_ms for p in before if p.until_ms + lag_millis > at_ms]
        if not holding:
            return at_ms
        return max(holding[0], *over, 0)

"""Leftovers of registrations, with the earliest and the latest time of their removal.

docs/protocol.md, section 9.3: leftovers of refused or clashing registrations do not
pile up.
"""

from collections.abc import Collection, Iterable
from typing import Final

_KEPT_MILLIS: Final = 120_000
_SCAN_MILLIS: Final = 5000

Leftover = tuple[str, str | int | None]
"""(broker name, kind): an id whose address no broker registers, a cluster that lists
the name of no group, or None for a group without addresses."""


class Leftovers:
    """The age of each leftover; `lag_millis` is the interval of ticks.

    The server checks at every scan, and may have missed that a leftover was gone for a
    moment. The earliest time therefore counts from its first appearance.
    """

    def __init__(self, lag_millis: int) -> None:
        self._lag_millis = lag_millis
        self._since: dict[Leftover, int] = {}
        self._latest: dict[Leftover, int] = {}

    def update(
        self, present: set[Leftover], since_ms: int, now_ms: int, hold_until_ms: int
    ) -> None:
        """Note the leftovers of now, which may exist since `since_ms`."""
        for what in present - self._latest.keys():
            self._since.setdefault(what, since_ms)
            seen_ms = max(now_ms, hold_until_ms)
            self._latest[what] = (
                seen_ms + _KEPT_MILLIS + 2 * _SCAN_MILLIS + 4 * self._lag_millis
            )
        for what in self._latest.keys() - present:
            del self._latest[what]

    def stalled(self, millis: int) -> None:
        """A stall: no leftover is removed during it and for a while afterwards."""
        for what in self._latest:
            self._latest[what] += millis

    def soonest_ms(self, what: Leftover) -> int:
        """The earliest time of its removal."""
        return self._since[what] + _KEPT_MILLIS - self._lag_millis

    @property
    def present(self) -> Collection[Leftover]:
        """The leftovers of the last update."""
        return self._latest.keys()

    def unsure(self, present: Iterable[Leftover], now_ms: int) -> list[Leftover]:
        """Leftovers that may be removed by now."""
        known = sorted(self._since.keys() & set(present), key=str)
        return [what for what in known if self.soonest_ms(what) <= now_ms]

    def overdue(self, now_ms: int) -> list[Leftover]:
        """Leftovers that must be removed by now."""
        return [what for what, at in self._latest.items() if now_ms > at]

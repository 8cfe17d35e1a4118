"""What nobody registers any more: from when on it may, and has to, be gone.

docs/protocol.md, section 9.3: what refused or clashing registrations leave behind does
not pile up.
"""

from collections.abc import Collection, Iterable
from typing import Final

_KEPT_MILLIS: Final = 120_000
_SCAN_MILLIS: Final = 5000

Leftover = tuple[str, str | int | None]
"""(broker name, what): an id whose address nobody registers, a cluster that lists the
name of no group, or None for a group without addresses."""


class Leftovers:
    """Since when each leftover is there; `lag_millis` is the time between two ticks.

    The server looks at every scan and may not have seen one healed meanwhile: what
    comes again counts from the first time on, as far as the earliest moment goes.
    """

    def __init__(self, lag_millis: int) -> None:
        self._lag_millis = lag_millis
        self._since: dict[Leftover, int] = {}
        self._latest: dict[Leftover, int] = {}

    def update(
        self, present: set[Leftover], since_ms: int, now_ms: int, hold_until_ms: int
    ) -> None:
        """What is left over now, and perhaps is so since `since_ms`."""
        for what in present - self._latest.keys():
            self._since.setdefault(what, since_ms)
            seen_ms = max(now_ms, hold_until_ms)
            self._latest[what] = (
                seen_ms + _KEPT_MILLIS + 2 * _SCAN_MILLIS + 4 * self._lag_millis
            )
        for what in self._latest.keys() - present:
            del self._latest[what]

    def stalled(self, millis: int) -> None:
        """Nothing is cleaned meanwhile, and for a while afterwards."""
        for what in self._latest:
            self._latest[what] += millis

    def soonest_ms(self, what: Leftover) -> int:
        """When it may be cleaned at the earliest."""
        return self._since[what] + _KEPT_MILLIS - self._lag_millis

    @property
    def present(self) -> Collection[Leftover]:
        """What is left over as of the last update."""
        return self._latest.keys()

    def unsure(self, present: Iterable[Leftover], now_ms: int) -> list[Leftover]:
        """What of it may be cleaned already."""
        known = sorted(self._since.keys() & set(present), key=str)
        return [what for what in known if self.soonest_ms(what) <= now_ms]

    def overdue(self, now_ms: int) -> list[Leftover]:
        """What has to be cleaned."""
        return [what for what, at in self._latest.items() if now_ms > at]

"""Empty groups and names without a group: from when on they may, and have to, be gone.

docs/protocol.md, section 9.3: what refused or clashing registrations leave behind does
not pile up.
"""

from typing import Final

_KEPT_MILLIS: Final = 120_000
_SCAN_MILLIS: Final = 5000

Leftover = tuple[str, str | None]
"""(broker name, cluster), or None for the group itself."""


class Leftovers:
    """Since when each leftover is there; `lag_millis` is the time between two ticks."""

    def __init__(self, lag_millis: int, now_ms: int) -> None:
        self._lag_millis = lag_millis
        self._since: dict[Leftover, int] = {}
        self._latest: dict[Leftover, int] = {}
        self._healed: dict[Leftover, tuple[int, int]] = {}
        self._hold_until_ms = 0

    def update(self, present: set[Leftover], now_ms: int, hold_until_ms: int) -> None:
        """What is left over now."""
        self._hold_until_ms = hold_until_ms
        for what in present - self._since.keys():
            self._since[what] = self._first_seen(what, now_ms)
            self._latest[what] = (
                now_ms + _KEPT_MILLIS + 2 * _SCAN_MILLIS + 4 * self._lag_millis
            )
            if now_ms < hold_until_ms:
                self._latest[what] += hold_until_ms - now_ms
        for what in self._since.keys() - present:
            self._healed[what] = self._since.pop(what), now_ms
            del self._latest[what]

    def stalled(self, millis: int) -> None:
        """Nothing is cleaned meanwhile, and for a while afterwards."""
        for what in self._latest:
            self._latest[what] += millis
        self._healed = {k: (at, at + 10**9) for k, (at, _) in self._healed.items()}

    def is_unsure(self, now_ms: int) -> bool:
        """Whether something may be cleaned already."""
        return bool(self._since) and bool(self.unsure(now_ms))

    def unsure(self, now_ms: int) -> list[Leftover]:
        """What may be cleaned already."""
        limit_ms = now_ms - _KEPT_MILLIS + self._lag_millis
        return [what for what, at in self._since.items() if at <= limit_ms]

    def overdue(self, now_ms: int) -> list[Leftover]:
        """What has to be cleaned."""
        return [what for what, at in self._latest.items() if now_ms > at]

    def _first_seen(self, what: Leftover, now_ms: int) -> int:
        """The server, which looks at every scan, may not have seen it healed."""
        since, healed_ms = self._healed.get(what, (now_ms, -(10**9)))
        is_short = now_ms - healed_ms <= _SCAN_MILLIS + 2 * self._lag_millis
        return since if is_short else now_ms

"""The earliest time a broker may be gone, and the latest time (P3, P4).

All times are those of the simulation, plus or minus the interval of the server's ticks.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from namesrv.testing.simulator.keeping import Leases
from namesrv.testing.simulator.model import Key, Live
from namesrv.testing.simulator.pauses import GRACE_MILLIS, Pauses
from namesrv.testing.simulator.served import Served

SCAN_MILLIS: Final = 5000
LEASE_MILLIS: Final = 90_000
STALL_MILLIS: Final = 1500
_STAMP_MILLIS: Final = 5000
_TICK_MILLIS: Final = 100


class Deadlines:
    """Deadlines of the brokers of one history. `hold_until_ms` is the end of the grace
    after a stall of the machine."""

    def __init__(self, lag_millis: int) -> None:
        self._lag_millis = lag_millis
        self._scan_millis = SCAN_MILLIS + 3 * lag_millis
        self._woke_ms = 0
        self._pauses = Pauses()
        self._served = Served()
        self.hold_until_ms = 0

    def heard(self, live: Live, now_ms: int) -> None:
        """The server read a sign of life."""
        live.heard_ms = now_ms
        live.soonest_ms = now_ms + live.timeout_millis - self._lag_millis
        live.latest_ms = now_ms + live.timeout_millis + self._scan_millis

    def may_be_heard(self, live: Live, now_ms: int) -> None:
        """The server read a request that counts as a sign of life while it waits."""
        latest_ms = now_ms + live.timeout_millis + self._scan_millis
        live.latest_ms = max(live.latest_ms, latest_ms)

    def stalled(
        self, lives: Iterable[Live], start_ms: int, wake_ms: int, own_millis: int
    ) -> None:
        """The process stalled, in part because of its own work.

        No broker expires for a while; deadlines move by the rest of the stall.
        """
        rest = wake_ms - start_ms - own_millis
        self._woke_ms = wake_ms
        shortest = rest - _TICK_MILLIS if rest > STALL_MILLIS else 0
        longest = rest + self._lag_millis
        longest = longest if longest > STALL_MILLIS else 0
        self._served.stalled(shortest)
        if own_millis:
            self._pauses.add(start_ms, wake_ms)
        else:
            self.hold_until_ms = wake_ms + GRACE_MILLIS
            longest += GRACE_MILLIS
        for live in lives:
            live.soonest_ms += shortest
            live.latest_ms += longest

    def killed(self, now_ms: int) -> None:
        """The server was killed, and may not have saved its last moments."""
        self._served.ended(now_ms, _STAMP_MILLIS + 2 * self._lag_millis)

    def stopped(self, now_ms: int) -> None:
        """The server stopped cleanly."""
        self._served.ended(now_ms, lost_millis=0)

    def started(self, lives: Mapping[Key, Live], leases: Leases, now_ms: int) -> None:
        """Another run begins: each broker has a lease, or the rest of one."""
        self.hold_until_ms = 0
        self._pauses = Pauses()
        self._served.started(now_ms)
        for key, live in lives.items():
            live.link, live.closing_ms, live.is_leased = None, None, True
            shortest, longest = LEASE_MILLIS, LEASE_MILLIS
            if key in leases:
                shortest, longest = self._served.left_millis(*leases[key])
            live.soonest_ms = now_ms + max(shortest, 0)
            live.latest_ms = now_ms + max(longest, 0) + self._scan_millis

    def leases(self, lives: Mapping[Key, Live], now_ms: int) -> Leases:
        """The rest of the leases of brokers not heard of since the last warm start."""
        to_served = self._served.millis(now_ms) - now_ms
        return {
            key: (
                live.soonest_ms + to_served,
                live.latest_ms - self._scan_millis + to_served,
            )
            for key, live in lives.items()
            if live.is_leased
        }

    def closing_ms(self, now_ms: int) -> int | None:
        """The time at which an end that is noticed now counts; None for now."""
        own_until_ms = self._pauses.held_until_ms()
        held_until_ms = max(self.hold_until_ms, own_until_ms)
        is_own = 0 < own_until_ms == held_until_ms
        # The server may measure its own pause as longer by a tick.
        last_ms = held_until_ms + self._lag_millis if is_own else held_until_ms
        return held_until_ms if now_ms < last_ms else None

    def soonest_ms(self, live: Live) -> int:
        """The earliest time the broker may be gone."""
        if live.closing_ms is None:
            return live.soonest_ms
        return max(self.hold_until_ms, live.closing_ms)

    def may_be_gone(self, live: Live, now_ms: int) -> bool:
        """Whether the broker may be absent."""
        if now_ms < self.hold_until_ms:
            return False
        if live.closing_ms is not None and now_ms >= live.closing_ms:
            return True
        return self._pauses.read_until_ms(now_ms) > live.soonest_ms

    def has_to_be_gone(self, live: Live, now_ms: int) -> bool:
        """Whether the broker must be absent."""
        if now_ms <= max(self.hold_until_ms, self._woke_ms) + self._lag_millis:
            return False
        lag_millis = 2 * self._lag_millis
        if live.closing_ms is not None and now_ms > live.closing_ms + lag_millis:
            return True
        scanned_ms = now_ms - self._scan_millis
        judged_ms = self._pauses.read_until_ms(scanned_ms, lag_millis)
        if judged_ms < scanned_ms or self._pauses.begins_in(scanned_ms, lag_millis):
            # The pause came before the tick that would have judged this moment.
            judged_ms -= lag_millis
        return judged_ms + self._scan_millis > live.latest_ms

"""Our own stalls: the maker of each, and for how long it holds others' ends.

After a pause the loop runs timers first, then the ends of old connections, then reads
and accepts. So a late tick judges no broker by input that was not read yet. A pause
that the machine made (the process was stopped, suspended, starved) moves deadlines by
its length and holds for one grace interval, longer if another one follows. A pause that
our own work made moves no deadline, and holds no longer than it was itself, whatever
follows: peers can cause work, again and again.
"""

from typing import Final, NamedTuple

TICK_MILLIS: Final = 100
"""How often the server calls `Stalls.tick`, at least."""
STALL_MILLIS: Final = 1500
"""A tick that is later than this means that our process stood still."""
GRACE_MILLIS: Final = 5000
"""How long after a stall nobody is declared dead, at most."""
_IDLE_CPU_MILLIS: Final = 2 * TICK_MILLIS
"""A process that used more of the CPU meanwhile was at work, starved or not."""


class Stall(NamedTuple):
    """One late tick: how long it was, how much of it the machine made (0 if it was our
    own work), and how long it holds."""

    stall_millis: int
    machine_millis: int
    hold_millis: int


class _Hold(NamedTuple):
    """Input sent before `stalled_until_ms` counts as read from `until_ms` on; that sent
    before `stalled_since_ms` was read before the stall."""

    stalled_since_ms: int
    stalled_until_ms: int
    until_ms: int


class Stalls:
    """Gets every tick, with the time and the CPU time that this process has used."""

    def __init__(self) -> None:
        self._last_tick_ms: int | None = None
        self._last_but_one_ms = 0
        self._last_cpu_ms = 0
        self._read_until_ms = 0
        self._grace_until_ms = 0
        self._holds: list[_Hold] = []

    def is_grace(self, now_ms: int) -> bool:
        """Whether nobody is declared dead, because the machine made a stall."""
        return now_ms < self._grace_until_ms

    def held_until_ms(self, now_ms: int) -> int:
        """When an end that is heard of now may count."""
        holds = [hold.until_ms for hold in self._holds]
        return max(now_ms, self._grace_until_ms, *holds)

    def read_until_ms(self, now_ms: int) -> int:
        """Up to which moment all that was sent counts as read."""
        return self._read_until_ms if self.held_until_ms(now_ms) > now_ms else now_ms

    def tick(self, cpu_ms: int, now_ms: int) -> int:
        """A tick, after `notice`; up to which moment deadlines may be judged.

        That is the tick before this one: input until then was read in between.
        """
        last_ms = now_ms if self._last_tick_ms is None else self._last_tick_ms
        if last_ms < now_ms:
            # Otherwise this tick has noticed a stall, and nothing was read since then.
            self._last_but_one_ms = last_ms
        if not self._holds and not self.is_grace(now_ms):
            self._read_until_ms = last_ms
        self._last_tick_ms, self._last_cpu_ms = now_ms, cpu_ms
        return self._read_until_ms

    def notice(self, cpu_ms: int, now_ms: int) -> Stall | None:
        """Whether this moment, of a tick or of an end, shows that we stood still."""
        last_ms = self._last_tick_ms
        if last_ms is None or now_ms - last_ms <= STALL_MILLIS:
            self._drop_holds_before(now_ms)
            return None
        length = now_ms - last_ms
        own_millis = min(max(cpu_ms - self._last_cpu_ms, 0), length)
        self._last_tick_ms, self._last_cpu_ms = now_ms, cpu_ms
        stall = self._hold(length, own_millis, now_ms)
        self._drop_holds_before(now_ms)
        return stall

    def _hold(self, length: int, own_millis: int, now_ms: int) -> Stall:
        machine_millis = 0
        if length - own_millis > STALL_MILLIS:
            machine_millis = max(length - own_millis - TICK_MILLIS, 0)
        if machine_millis and own_millis <= _IDLE_CPU_MILLIS:
            self._grace_until_ms = now_ms + GRACE_MILLIS
            hold_millis = GRACE_MILLIS
        else:
            hold_millis = min(length, GRACE_MILLIS)
            until_ms = now_ms + hold_millis
            self._holds.append(_Hold(self._last_but_one_ms, now_ms, until_ms))
        return Stall(length - TICK_MILLIS, machine_millis, hold_millis)

    def _drop_holds_before(self, now_ms: int) -> None:
        """Sockets were read at least once since the stalls of those that are over, and
        until the next stall. After a grace they were read until the first hold that
        goes on."""
        if self.is_grace(now_ms):
            return
        over = [hold for hold in self._holds if hold.until_ms <= now_ms]
        self._holds = [hold for hold in self._holds if hold.until_ms > now_ms]
        read_ms = [hold.stalled_until_ms for hold in over]
        read_ms += [hold.stalled_since_ms for hold in self._holds[:1]]
        self._read_until_ms = max([self._read_until_ms, *read_ms])

"""The tick of a server: everything that it does by itself, ten times a second."""

from collections.abc import Callable, Sequence
from typing import Final

from namesrv.routing.brokers.stalls import TICK_MILLIS
from namesrv.routing.state import RoutingState
from namesrv.server.clock import Clock
from namesrv.server.connections.registry import Connections
from namesrv.server.life.lag import LoopLag
from namesrv.server.life.rates import Rates
from namesrv.server.warm_start.schedule import Snapshots

_SWEEPS_PER_IDLE_TIME: Final = 4
_LONGEST_SWEEP_MILLIS: Final = 5000


class Ticks:
    """One server's ticks. Brokers are judged first, because snapshots and the sweep of
    connections depend on the result.

    `on_sweep` is called at the end of each sweep, and `on_failure` while a part's
    exception is handled: a mistake in one part must not end the others, or brokers
    would live for ever. `lag` is that of the loop: a tick is planned one interval after
    the one before it. `rates` has the counters of the last minutes. `first` and
    `others` are parts that only some servers have, before and after the rest.
    """

    def __init__(
        self,
        state: RoutingState,
        connections: Connections,
        snapshots: Snapshots,
        flush: Callable[[], None],
        clock: Clock,
        on_sweep: Callable[[], None],
        on_failure: Callable[[], None],
        others: Sequence[Callable[[int], None]] = (),
        first: Sequence[Callable[[int], None]] = (),
    ) -> None:
        self._state = state
        self._connections = connections
        self._snapshots = snapshots
        self._flush = flush
        self._clock = clock
        self._on_sweep = on_sweep
        self._on_failure = on_failure
        self._others = others
        self._first = first
        self._next_sweep_ms = 0
        self._planned_ms: int | None = None
        self._companions: list[Callable[[int], None]] = []
        self.lag = LoopLag()
        self.rates = Rates(state, connections)

    @property
    def have_begun(self) -> bool:
        """Whether there was a tick."""
        return self._planned_ms is not None

    @property
    def interval_millis(self) -> int:
        """The time until the next tick."""
        return min(TICK_MILLIS, self._state.options.scan_not_active_broker_interval)

    def add(self, part: Callable[[int], None]) -> None:
        """Run a companion's part at the end of each tick, with its time."""
        self._companions.append(part)

    def tick(self) -> None:
        """Run all parts once."""
        now_ms = self._clock.monotonic_millis()
        if self._planned_ms is not None:
            self.lag.note(now_ms - self._planned_ms, now_ms)
        self._planned_ms = now_ms + self.interval_millis
        self._connections.note_time(now_ms)
        for part in (
            *self._first,
            self._state.missing.tick,
            self._watch_brokers,
            self._snapshots.tick,
            self._connections.tls.check_files,
            self._connections.end_late_requests,
            self._sweep,
            self._run_companions,
            self.rates.note,
            *self._others,
        ):
            try:
                part(now_ms)
            except Exception:
                self._on_failure()

    def _watch_brokers(self, now_ms: int) -> None:
        self._state.liveness.tick(self._clock.cpu_millis(), now_ms)
        self._flush()

    def _sweep(self, now_ms: int) -> None:
        if now_ms < self._next_sweep_ms:
            self._connections.go_on_sweeping(now_ms)
            return
        self._next_sweep_ms = now_ms + self._sweep_millis()
        self._connections.sweep(now_ms)
        self._on_sweep()

    def _run_companions(self, now_ms: int) -> None:
        if self._companions:
            for part in self._companions:
                part(now_ms)
            self._flush()

    def _sweep_millis(self) -> int:
        idle_seconds = self._state.options.server_channel_max_idle_time_seconds
        if not idle_seconds:
            return _LONGEST_SWEEP_MILLIS
        return min(idle_seconds * 1000 // _SWEEPS_PER_IDLE_TIME, _LONGEST_SWEEP_MILLIS)

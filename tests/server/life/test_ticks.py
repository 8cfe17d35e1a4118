"""The tick of a server, driven by a clock of the test."""

from typing import Any

from namesrv.server.life.ticks import Ticks
from tests.server.loop_free_server import LoopFreeServer, SetStage


class TickedClock:
    """A clock that the test moves."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def monotonic_millis(self) -> int:
        return self.now_ms

    def wall_millis(self) -> int:
        return self.now_ms

    def cpu_millis(self) -> int:
        return 0


class Ticking:
    """Ticks over a loop-free server; `parts` are those that ran, in order."""

    def __init__(self, loop_free: LoopFreeServer) -> None:
        self.clock = TickedClock(loop_free.connections.now_ms)
        self.parts: list[str] = []
        snapshots: Any = self
        self.ticks = Ticks(
            loop_free.state,
            loop_free.connections,
            snapshots,
            lambda: self.parts.append("flush"),
            self.clock,
            lambda: self.parts.append("sweep"),
            lambda: self.parts.append("failure"),
        )

    def tick(self, now_ms: int) -> None:
        """Of the snapshots."""
        self.parts.append("snapshots")

    def after(self, millis: int) -> list[str]:
        """The parts of one tick, so much later."""
        self.clock.now_ms += millis
        self.parts.clear()
        self.ticks.tick()
        return self.parts


def test_brokers_are_judged_before_snapshots_and_the_sweep(
    loop_free: LoopFreeServer,
) -> None:
    assert Ticking(loop_free).after(0) == ["flush", "snapshots", "sweep"]


def test_tick_sets_the_time_of_reads(loop_free: LoopFreeServer) -> None:
    ticking = Ticking(loop_free)
    ticking.after(123)
    assert loop_free.connections.now_ms == ticking.clock.now_ms


def test_connections_are_swept_four_times_in_the_idle_time(
    set_stage: SetStage,
) -> None:
    ticking = Ticking(set_stage(server_channel_max_idle_time_seconds=2))
    assert "sweep" in ticking.after(0)
    assert "sweep" not in ticking.after(499)
    assert "sweep" in ticking.after(1)


def test_sweep_comes_every_five_seconds_without_an_idle_time(
    set_stage: SetStage,
) -> None:
    ticking = Ticking(set_stage(server_channel_max_idle_time_seconds=0))
    assert "sweep" in ticking.after(0)
    assert "sweep" not in ticking.after(4999)
    assert "sweep" in ticking.after(1)


def test_part_that_fails_stops_no_other(loop_free: LoopFreeServer) -> None:
    ticking = Ticking(loop_free)

    def fail(now_ms: int) -> None:
        raise RuntimeError("a mistake")

    ticking.tick = fail  # type: ignore[method-assign]
    assert ticking.after(0) == ["flush", "failure", "sweep"]


def test_lag_is_the_time_beyond_the_interval(loop_free: LoopFreeServer) -> None:
    ticking = Ticking(loop_free)
    assert not ticking.ticks.have_begun
    ticking.after(0)
    assert ticking.ticks.have_begun
    assert ticking.ticks.lag.total_millis == 0
    ticking.after(100)
    assert ticking.ticks.lag.last_millis == 0
    ticking.after(130)
    assert ticking.ticks.lag.last_millis == 30


def test_interval_is_that_of_short_scans(set_stage: SetStage) -> None:
    ticking = Ticking(set_stage(scan_not_active_broker_interval=20))
    ticking.after(0)
    ticking.after(25)
    assert ticking.ticks.interval_millis == 20
    assert ticking.ticks.lag.last_millis == 5

"""A stall of the machine while the file of routes is made: no lease counts it."""

import os

from namesrv.routing.warm_start.draft import KeptRoutes
from namesrv.server.warm_start.jobs import Stamp
from namesrv.server.warm_start.schedule import SNAPSHOT_FILE, STAMP_FILE, Snapshots
from namesrv.testing.simulator.clock import VirtualClock
from namesrv.testing.simulator.loop import SilentLog, VirtualTimers
from namesrv.testing.simulator.snapshots import TickPace, VirtualFiles, VirtualWriter
from tests.routing.restart import A, B
from tests.routing.world import World

STALL_MILLIS = 30_000
TICK_MILLIS = 100
LEASE_MILLIS = 90_000


class WarmRun:
    """A run that two brokers of the last one have not reached yet."""

    def __init__(self) -> None:
        last = World()
        for broker in (A, B):
            last.register(broker)
        self.world = World()
        self.world.begin_warm(last.packed_routes(), LEASE_MILLIS)
        self.clock = VirtualClock()
        self.clock.now_ms = self.world.now_ms
        self.files = VirtualFiles()
        self.timers = VirtualTimers()
        monotonic_millis = self.clock.monotonic_millis
        self.snapshots = Snapshots(
            self.world.state,
            KeptRoutes(self.world.state),
            self.files,
            VirtualWriter(self.files, monotonic_millis, 0).submit,
            SilentLog(),
            self.clock,
            self.timers.call_later,
            TickPace(1),
            can_write=True,
        )
        self.tick()

    def tick(self) -> None:
        """As the server does."""
        self.world.liveness.tick(0, self.clock.now_ms)
        self.snapshots.tick(self.clock.now_ms)

    def serve(self, millis: int) -> None:
        """Tick for so long."""
        for _ in range(0, millis, TICK_MILLIS):
            self.clock.now_ms += TICK_MILLIS
            self.tick()

    def stall(self) -> None:
        """The machine stands still; no tick has noticed it yet."""
        self.clock.now_ms += STALL_MILLIS

    def leases_in_the_file(self) -> list[int]:
        """The leases that a next run would give, if the machine killed this one."""
        directory = self.world.options.data_dir
        data = self.files.read(os.path.join(directory, SNAPSHOT_FILE))
        stamp = self.files.read(os.path.join(directory, STAMP_FILE))
        assert data is not None and stamp is not None
        after = World()
        served_millis = Stamp.read(stamp).served_millis
        after.begin_warm(data, LEASE_MILLIS, served_millis)
        return list(after.liveness.leases.left_millis().values())


def test_file_that_is_finished_after_a_stall_keeps_the_leases() -> None:
    """Found by the simulator: timers run before the tick that notices the stall, and
    the brokers had lost it from their leases."""
    run = WarmRun()
    run.stall()
    for _ in range(10):
        run.timers.run()
    assert run.leases_in_the_file() == [LEASE_MILLIS, LEASE_MILLIS]


def test_end_right_after_a_stall_keeps_the_leases() -> None:
    run = WarmRun()
    run.stall()
    run.snapshots.save_all()
    assert run.leases_in_the_file() == [LEASE_MILLIS, LEASE_MILLIS]


def test_stall_that_the_end_of_a_connection_shows_renews_no_lease() -> None:
    run = WarmRun()
    run.serve(4_000)
    run.stall()
    connection = run.world.connect()
    run.world.liveness.on_channel_destroy(connection, 0, run.clock.now_ms)
    assert run.world.liveness.machine_stalls == 1
    run.snapshots.save_all()
    assert run.leases_in_the_file() == [LEASE_MILLIS - 4_000, LEASE_MILLIS - 4_000]

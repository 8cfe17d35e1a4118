"""One run of the server's process: the routing floor, and what `server` does around it.

Plays `NameServer`, `Connections` and `NamesrvProtocol` with the same order of events;
sockets, clock and files are virtual.
"""

from typing import Final

from namesrv._impl import Connection
from namesrv.hot_path import Pause
from namesrv.options import Options
from namesrv.routing.outbox import Close, LateAnswer
from namesrv.routing.phase import Phase
from namesrv.routing.requests.processor import RequestProcessor
from namesrv.routing.turns.turn import TURN_UNITS
from namesrv.server.warm_start.schedule import Snapshots
from namesrv.testing.simulator.clock import VirtualClock
from namesrv.testing.simulator.history import Setting
from namesrv.testing.simulator.loop import SilentLog, VirtualTimers
from namesrv.testing.simulator.network import Link
from namesrv.testing.simulator.snapshots import (
    DATA_DIR,
    SnapshotWitness,
    TickPace,
    VirtualFiles,
    VirtualWriter,
    WitnessedRoutes,
)

_SWEEP_MILLIS: Final = 5000
_OBSERVER: Final = "10.9.9.9:9"


class Process:
    """Serves until it is dropped; `closed` are links that it has closed itself.

    `is_warm` is true if it took over the routes of the last run.
    """

    def __init__(
        self,
        setting: Setting,
        clock: VirtualClock,
        files: VirtualFiles,
        witness: SnapshotWitness,
    ) -> None:
        self._clock = clock
        self._tick_millis = setting.tick_millis
        options = Options(
            data_dir=DATA_DIR,
            support_acting_master=setting.acting_master,
            delete_topic_with_broker_registration=setting.delete_missing,
        )
        started_ms = clock.monotonic_millis()
        self._processor = RequestProcessor(options, clock.wall_millis, started_ms)
        self._state = self._processor.state
        self._connections: dict[int, tuple[Link, Connection]] = {}
        self._links: dict[Connection, Link] = {}
        self._writer = VirtualWriter(
            files, clock.monotonic_millis, setting.write_millis
        )
        self._timers = VirtualTimers()
        self._snapshots = Snapshots(
            self._state,
            WitnessedRoutes(self._state, witness),
            files,
            self._writer.submit,
            SilentLog(),
            clock,
            self._timers.call_later,
            TickPace(setting.groups_per_tick),
            can_write=True,
        )
        self.is_warm = self._snapshots.load(started_ms) is not None
        self._state.refresh_hot_path(started_ms)
        self._now_ms = started_ms
        self._next_sweep_ms = 0
        self._observer = Connection(self._state.hot, _OBSERVER)
        self.closed: list[Link] = []
        self.next_tick_ms = self._clock.now_ms

    def tick(self) -> None:
        """As `NameServer._tick`; `next_tick_ms` is the time of the next call."""
        now_ms = self._now_ms = self._clock.monotonic_millis()
        self._state.liveness.tick(self._clock.cpu_millis(), now_ms)
        self._state.unfinished.finish()
        self._flush()
        self._writer.go_on()
        self._timers.run()
        self._snapshots.tick(now_ms)
        if now_ms >= self._next_sweep_ms:
            self._sweep(now_ms)
            self._next_sweep_ms = now_ms + _SWEEP_MILLIS
        self.next_tick_ms = self._clock.now_ms + self._tick_millis

    def receive(self, link: Link, data: bytes) -> bytes:
        """Bytes came on a link; what is sent back."""
        connection = self._connection_of(link)
        output = self._feed(connection, data)
        if connection.fault is not None:
            self._close(connection)
        return output

    def read(self, link: Link, data: bytes) -> bytes | None:
        """Bytes of one request came while others have all turns: the answer, or
        None when the request waits."""
        connection = self._connection_of(link)
        self._state.turn.begin()
        self._state.turn.spend(TURN_UNITS)
        output = connection.receive(data, self._now_ms)
        output += self._flush(connection)
        return None if connection.pause == Pause.TURN else output

    def go_on(self, link: Link) -> bytes | None:
        """A request that waits has its turn; the answer, None if its connection
        is gone."""
        known = self._connections.get(link.number)
        return None if known is None else self._until_done(known[1])

    def _connection_of(self, link: Link) -> Connection:
        known = self._connections.get(link.number)
        if known is None:
            known = link, Connection(self._state.hot, f"10.1.0.1:{link.number}")
            self._connections[link.number] = known
            self._links[known[1]] = link
        return known[1]

    def ask(self, data: bytes) -> bytes:
        """The observer's questions, and the answers."""
        return self._feed(self._observer, data)

    def is_live(self, cluster: str, addr: str) -> bool:
        """Whether a broker is live that nobody can see, because another one registered
        the same address."""
        return self._state.tables.broker_live_table.get(cluster, addr) is not None

    def end(self, link: Link) -> None:
        """A link has ended on the other side."""
        known = self._connections.pop(link.number, None)
        if known is not None:
            self._lost(known[1])

    def stop(self) -> None:
        """A clean end: frozen and saved before connections are closed."""
        self._state.life.enter(Phase.HALTED)
        self._snapshots.save_all()
        self._writer.drain()

    def _feed(self, connection: Connection, data: bytes) -> bytes:
        self._state.turn.begin()
        output = connection.receive(data, self._now_ms)
        output += self._flush(connection)
        return output + self._until_done(connection)

    def _until_done(self, connection: Connection) -> bytes:
        output = b""
        while connection.pause != Pause.NONE and connection.fault is None:
            self._state.turn.begin()
            self._state.unfinished.go_on(others_wait=True)
            output += self._flush(connection)
            if connection.pause in (Pause.TURN, Pause.OUTPUT):
                output += connection.resume(self._now_ms)
                output += self._flush(connection)
        return output

    def _flush(self, connection: Connection | None = None) -> bytes:
        """Carry out effects; late answers are those of the connection that asks."""
        output = b""
        outbox = self._state.outbox
        while outbox:
            for effect in outbox.take():
                if isinstance(effect, Close):
                    self._close(effect.connection)
                elif isinstance(effect, LateAnswer) and effect.connection is connection:
                    output += connection.resume(self._now_ms, effect.frame)
        return output

    def _close(self, connection: Connection) -> None:
        link = self._links.get(connection)
        if link is not None:
            del self._connections[link.number]
            self.closed.append(link)
            self._lost(connection)

    def _lost(self, connection: Connection) -> None:
        del self._links[connection]
        if connection.registered:
            # The clock itself, because this may be the first sign of a stall.
            now_ms = self._clock.monotonic_millis()
            cpu_ms = self._clock.cpu_millis()
            self._state.liveness.on_channel_destroy(connection, cpu_ms, now_ms)
            self._state.unfinished.finish()
            self._flush()

    def _sweep(self, now_ms: int) -> None:
        """As `Connections.sweep`: idle connections are closed."""
        read_ms = self._state.liveness.read_until_ms(now_ms)
        idle_millis = self._state.options.server_channel_max_idle_time_seconds * 1000
        for _, connection in list(self._connections.values()):
            if read_ms - connection.last_active_ms > idle_millis:
                self._close(connection)

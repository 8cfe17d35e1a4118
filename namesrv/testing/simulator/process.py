"""One run of the server's process, with virtual sockets, clocks and files.

The objects are those of a server: peers, connections, effects, ticks, snapshots and the
end. Only the loop is simulated, and the world decides when it turns.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from namesrv.hot_path import Pause
from namesrv.options import Options
from namesrv.routing.events import Sink
from namesrv.routing.outbox import (
    AuditEvent,
    FileWrite,
    LogEvent,
    Notification,
    RouteQuery,
)
from namesrv.routing.requests.processor import RequestProcessor
from namesrv.routing.turns.turn import TURN_UNITS
from namesrv.server.connections.peer import Peer
from namesrv.server.connections.registry import Connections
from namesrv.server.life.effects import Effects
from namesrv.server.life.ending import Ending
from namesrv.server.life.ticks import Ticks
from namesrv.server.warm_start.schedule import Snapshots
from namesrv.testing.simulator.changes import ChangeWitness
from namesrv.testing.simulator.clock import VirtualClock
from namesrv.testing.simulator.history import Setting
from namesrv.testing.simulator.lanes import LaneWitness
from namesrv.testing.simulator.loop import (
    SilentLog,
    VirtualQueue,
    VirtualTimers,
    VirtualTransport,
    run,
)
from namesrv.testing.simulator.network import Link
from namesrv.testing.simulator.oracle import Violation
from namesrv.testing.simulator.snapshots import (
    DATA_DIR,
    SnapshotWitness,
    TickPace,
    VirtualFiles,
    VirtualWriter,
    WitnessedRoutes,
)

_HOST: Final = "10.1.0.1"
_OBSERVER: Final = Link(number=0)
_MOST_CONNECTIONS: Final = 1000


class Process:
    """Serves until it is dropped; `closed` are links that it has closed itself.

    `is_warm` is set if it restored the routes of the last run.
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
        self._is_crowded = False
        self._turns = VirtualQueue()
        self._ends = VirtualQueue()
        self._timers = VirtualTimers()
        self._writer = VirtualWriter(
            files, clock.monotonic_millis, setting.write_millis
        )
        self._peers: dict[int, tuple[Peer, VirtualTransport]] = {}
        self.closed: list[Link] = []
        self.next_tick_ms = clock.now_ms
        self._build(setting, files, witness)

    def _build(
        self, setting: Setting, files: VirtualFiles, witness: SnapshotWitness
    ) -> None:
        clock, log = self._clock, SilentLog()
        options = Options(
            data_dir=DATA_DIR,
            support_acting_master=setting.acting_master,
            delete_topic_with_broker_registration=setting.delete_missing,
        )
        started_ms = clock.monotonic_millis()
        processor = RequestProcessor(options, clock.wall_millis, started_ms)
        state = self._state = processor.state
        self._connections = Connections(
            state, log, self._flush, _MOST_CONNECTIONS, self._turns.call_soon, clock
        )
        self._effects = Effects(
            state.outbox,
            state.events,
            self._connections,
            {
                LogEvent: log.put,
                AuditEvent: _ignore,
                FileWrite: self._writer.submit,
                Notification: _ignore,
                RouteQuery: _ignore,
            },
            _raise_failure,
        )
        snapshots = Snapshots(
            state,
            WitnessedRoutes(state, witness),
            files,
            self._writer.submit,
            log,
            clock,
            self._timers.call_later,
            TickPace(setting.groups_per_tick),
            can_write=True,
        )
        self._ticks = Ticks(
            state, self._connections, snapshots, self._flush, clock, _nothing, _raise
        )
        self._ending = Ending(
            self._connections, snapshots, self._writer, self._next_turn, _raise
        )
        self.is_warm = snapshots.load(started_ms) is not None
        self._connections.expect_brokers()
        state.refresh_hot_path(started_ms)
        self._changes = ChangeWitness(state)
        self._lane = LaneWitness(state)

    def tick(self) -> None:
        """One tick; `next_tick_ms` is the time of the next one."""
        self._writer.go_on()
        self._timers.run()
        self._ticks.tick()
        self._finish_work()
        if not self._is_crowded and self._turns.run_all():
            self._finish_work()
        self._changes.check()
        self._lane.check()
        self.next_tick_ms = self._clock.now_ms + self._tick_millis

    def receive(self, link: Link, data: bytes) -> bytes:
        """Bytes came on a link; the answers."""
        self._is_crowded = False
        peer, transport = self._peer_of(link)
        self._state.turn.begin()
        peer.data_received(data)
        while peer.connection.pause != Pause.NONE and not transport.is_closing():
            self._turn()
        self._ends.run_all()
        self._changes.check()
        self._lane.check()
        return transport.take()

    def read(self, link: Link, data: bytes) -> bytes | None:
        """Bytes of one request came while others have all turns: the answer, or
        None when the request waits."""
        self._is_crowded = True
        peer, transport = self._peer_of(link)
        self._state.turn.begin()
        self._state.turn.spend(TURN_UNITS)
        peer.data_received(data)
        return None if peer.connection.pause == Pause.TURN else transport.take()

    def go_on(self, numbers: Iterable[int]) -> tuple[int, bytes | None]:
        """The others are gone: the first of these links whose request does not wait any
        more, and the answer, None if the link is gone."""
        self._is_crowded = False
        while True:
            for number in numbers:
                if number not in self._peers:
                    return number, None
                peer, transport = self._peers[number]
                if peer.connection.pause == Pause.NONE:
                    return number, transport.take()
            self._turn()

    def ask(self, data: bytes) -> bytes:
        """The answers to the observer's questions, which have a turn each."""
        peer, transport = self._peer_of(_OBSERVER)
        answers = b""
        for frame in _frames(data):
            self._state.turn.begin()
            on_lane = self._lane.answer(frame)
            peer.data_received(frame)
            answer = transport.take()
            if on_lane is not None and on_lane != answer:
                raise Violation(f"P2: a lane answers {on_lane!r}, the loop {answer!r}")
            answers += answer
        return answers

    def is_live(self, cluster: str, addr: str) -> bool:
        """Whether a broker is live that nobody can see, because another one registered
        the same address."""
        return self._state.tables.broker_live_table.get(cluster, addr) is not None

    def end(self, link: Link) -> None:
        """A link has ended on the other side."""
        known = self._peers.pop(link.number, None)
        if known is not None:
            peer, transport = known
            transport.end()
            peer.connection_lost(None)
            self._finish_work()
            self._changes.check()
        self._lane.check()

    def stop(self) -> None:
        """A clean end."""
        self._ending.freeze()
        run(self._ending.settle())
        self._ending.halt()
        run(self._writer.drain())

    def _peer_of(self, link: Link) -> tuple[Peer, VirtualTransport]:
        known = self._peers.get(link.number)
        if known is not None:
            return known
        peer = Peer(self._connections)

        def on_close() -> None:
            if self._peers.pop(link.number, None) and link is not _OBSERVER:
                self.closed.append(link)
            self._ends.call_soon(lambda: peer.connection_lost(None))

        transport = VirtualTransport((_HOST, link.number), on_close)
        self._peers[link.number] = peer, transport
        peer.connection_made(transport)
        return peer, transport

    def _finish_work(self) -> None:
        """Ends of connections, and unfinished work: it has its share of all turns, also
        while others have the rest."""
        is_over = False
        while not is_over:
            self._state.unfinished.finish()
            self._flush()
            is_over = not self._ends.run_one()

    def _turn(self) -> None:
        if not self._turns.run_one():
            raise RuntimeError("a connection waits for a turn that never comes")

    async def _next_turn(self) -> None:
        self._turn()

    def _flush(self) -> None:
        self._effects.flush()


def _frames(data: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(data):
        end = position + 4 + int.from_bytes(data[position : position + 4])
        yield data[position:end]
        position = end


def _ignore(effect: object) -> None:
    """Nobody in a simulated world sees it."""


def _nothing() -> None:
    """Nothing happens."""


def _raise_failure(sink: Sink, error: Exception) -> None:
    """A mistake in a sink of events ends the history."""
    raise error


def _raise() -> None:
    """A mistake ends the history."""
    raise

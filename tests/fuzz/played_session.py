"""One server of a session: carries out the steps of a program, as the server would."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any, Final

from namesrv import work
from namesrv.contradictions import contradictions
from namesrv.errors import OptionsInvalid, PropertiesInvalid, StorageError
from namesrv.hot_path import Pause
from namesrv.option_sources import parse_remote, parse_value
from namesrv.options import BY_NAME, Options
from namesrv.testing.simulator.changes import ChangeWitness
from namesrv.wire.access_keys import AccessKeys
from namesrv.wire.properties import read_properties
from tests.fuzz.kept_file import KeptFile
from tests.fuzz.session_programs import Op, Step
from tests.fuzz.session_requests import (
    many_topics,
    registrations,
    requests,
    signed_frames,
)
from tests.fuzz.target import ways_to_cut
from tests.parity.stacks import Stack, load_world
from tests.routing.world import RELOAD

SLOTS: Final = 3
ADDRESSES: Final = ("10.0.0.9:40000", "127.0.0.1:40000", "[::1]:40000")
KEYS: Final[tuple[dict[str, str], ...]] = (
    *({"ops": "12345678"}, {}, {"ops": "87654321"}),
    {"ops": "12345678", "other": "12345678"},
)
_MILLIS: Final = (1, 100, 500, 1_400)
_TICKS: Final = (1, 4, 15, 90)
_STALLS: Final = (1_501, 3_000, 20_000, 121_000, 400_000, 86_500_000)
_UNITS: Final = ((1000, 250), (200, 50), (20, 1), (20, 1))
"""Of a turn of the loop, and of a step of work in it."""
_LEASE_MILLIS: Final = 1_000_000
_LEFTOVERS_MILLIS: Final = 130_000
_DAY_MILLIS: Final = 86_500_000
_BODIES: Final = (None, b"{}", b'{"brokerDatas":[],"queueDatas":[]}')
Seen = list[Any]


@contextmanager
def turns_of(sessions: "list[Session]", choice: int) -> Iterator[None]:
    """Turns that are over sooner, so that little work is in steps, too."""
    turn_units, step_units = _UNITS[choice % len(_UNITS)]
    kept = work.STEP_UNITS, [session.turn_units for session in sessions]
    work.STEP_UNITS = step_units
    for session in sessions:
        session.turn_units = turn_units
    try:
        yield
    finally:
        work.STEP_UNITS = kept[0]
        for session, units in zip(sessions, kept[1], strict=True):
            session.turn_units = units


class Session(Stack):
    """Its connections, the process that serves them, and its files."""

    def __init__(self, twin: str, **options: Any) -> None:
        self.module = load_world(twin)
        self.configured = Options(data_dir="data", **options)
        self.keys = KEYS[0]
        self.file = KeptFile()
        self.sent_bytes = 0
        self._acts: dict[Op, Callable[[Step], Any]] = {
            Op.SEND: lambda step: self._send(step, step.data),
            Op.ASK: lambda step: self._send(step, requests(step.data)),
            Op.REGISTER: lambda step: self._send(step, registrations(step.data)),
            Op.REGISTER_MANY: lambda step: self._send(step, many_topics(step.data)),
            Op.OPEN: self._open,
            Op.CLOSE: lambda step: self.close(step.argument % SLOTS),
            Op.FINISH: self._finish,
            Op.TICKS: self._ticks,
            Op.OWN_STALL: self._own_stall,
            Op.MACHINE_STALL: self._machine_stall,
            Op.FILES_WRITTEN: lambda step: self._end_writes(step, None),
            Op.FILES_FAIL: lambda step: self._end_writes(step, _DISK_FULL),
            Op.RELOAD: self._reload,
            Op.KEYS: self._change_keys,
            Op.DRAIN: lambda step: self.world.state.drain(self.world.now_ms),
            Op.TURNS: self._turns,
            Op.KEEP: lambda step: self.file.go_on(step.argument, self.world.now_ms),
            Op.RESTART: self._restart,
            Op.PRODUCT: self._product,
        }
        self._begin(0, {})

    @property
    def turn_units(self) -> int:
        """Of a turn of the loop, for all servers over this twin."""
        return int(self._turn_names["TURN_UNITS"])

    @turn_units.setter
    def turn_units(self, units: int) -> None:
        self._turn_names["TURN_UNITS"] = units

    @property
    def _turn_names(self) -> dict[str, Any]:
        # The module is a copy that nobody can import.
        begin: Any = type(self.world.state.turn).begin
        names: dict[str, Any] = begin.__globals__
        return names

    def play(self, step: Step) -> Seen:
        """Carry out a step; all that can be seen of it."""
        seen = [self._acts[step.op](step), self.late_answers()]
        seen.append(self._close_ended())
        seen.append(self.tables())
        world = self.world
        seen.append(self._promises())
        seen.append([repr(event) for event in world.audited])
        seen.append([query.topic for query in world.queries])
        seen.append(world.processor.cold_calls)
        assert not world.has_event("internal error"), world.event("internal error")
        assert not world.state.outbox
        for told in (
            *(world.events, world.changes),
            *(world.audited, world.notifications),
        ):
            told.clear()
        return seen

    def _promises(self) -> Seen:
        """What decides later answers and ends, and is in no table."""
        state, now_ms = self.world.state, self.world.now_ms
        leases = state.liveness.leases
        return [
            (int(state.hot.hot_codes), state.hot.order_topic_body),
            (leases.left_millis(), leases.served_millis),
            (state.liveness.read_until_ms(now_ms), state.turn.left),
            (bool(state.unfinished), len(state.waiting), state.waiting.kept_bytes),
            self.file.facts(),
        ]

    def late_answers(self) -> list[tuple[int, bytes]]:
        """Answers of requests that waited; whoever is gone gets none."""
        late = super().late_answers()
        assert all(self.connections[at] not in self.world.ended for at, _ in late)
        return late

    def close(self, slot: int) -> None:
        """As `Connections.lost`: brokers that are told to go away close theirs."""
        connection = self.connections[self.slots[slot]]
        state = self.world.state
        connection.abandon()
        self.world.ended.add(connection)
        is_asking = state.unfinished.is_asking(connection)
        if (connection.registered or is_asking) and not state.draining:
            self.world.close(connection)
        self._connect(slot, ADDRESSES[0])

    def _connect(self, slot: int, address: str) -> None:
        self.connections.append(self.world.connect(address))
        self.slots[slot] = len(self.connections) - 1

    def _close_ended(self) -> list[int]:
        """What the state wants closed, and connections that have nothing to say."""
        told, self.world.closed = self.world.closed, []
        closed = []
        for slot, at in enumerate(self.slots):
            connection = self.connections[at]
            if connection.is_done or connection in told:
                self.close(slot)
                closed.append(slot)
        return closed

    def _send(self, step: Step, data: bytes) -> Seen:
        slot, ways, signs = step.argument % SLOTS, step.argument // 4 % 4, 64
        if step.argument & signs:
            data = signed_frames(data)
        self.sent_bytes += len(data)
        cuts = list(ways_to_cut(data))
        seen = self.send(slot, cuts[ways % len(cuts)])
        connection = self.connections[self.slots[slot]]
        return [*seen, connection.waiting_code, connection.client_version]

    def _open(self, step: Step) -> None:
        slot = step.argument % SLOTS
        self.close(slot)
        self._connect(slot, ADDRESSES[step.argument // SLOTS % len(ADDRESSES)])

    def _finish(self, step: Step) -> None:
        self.connections[self.slots[step.argument % SLOTS]].finish()

    def _ticks(self, step: Step) -> None:
        millis, count = _MILLIS[step.argument % 4], _TICKS[step.argument // 4 % 4]
        for _ in range(count):
            self.world.tick(millis)

    def _own_stall(self, step: Step) -> None:
        self.world.work(_STALLS[step.argument % 4])
        self._tick_or_not(step)

    def _machine_stall(self, step: Step) -> None:
        self.world.now_ms += _STALLS[step.argument % len(_STALLS)]
        self._tick_or_not(step)

    def _tick_or_not(self, step: Step) -> None:
        """The first sign of a stall is a tick, or the end of a connection."""
        if step.argument < 128:
            self.world.tick()

    def _end_writes(self, step: Step, error: StorageError | None) -> Any:
        return self.finish_writes(step.argument % 8 + 1, error)

    def _turns(self, step: Step) -> list[bytes]:
        """As `Connections._next_turn`; which of the waiting is first is chance."""
        output = []
        state = self.world.state
        for turn in range(step.argument % 16 + 1):
            state.turn.begin()
            waiting = [c for c in self._open_ones() if _waits_for_a_turn(c)]
            state.unfinished.go_on(others_wait=bool(waiting))
            self.world.flush()
            waiting = [c for c in self._open_ones() if _waits_for_a_turn(c)]
            if waiting:
                connection = waiting[(turn + step.argument // 16) % len(waiting)]
                output.append(connection.resume(self.world.now_ms))
                self.world.flush()
        return output

    def _open_ones(self) -> list[Any]:
        return [self.connections[at] for at in self.slots]

    def _change_keys(self, step: Step) -> None:
        self.keys = KEYS[step.argument % len(KEYS)]
        self.world.state.access.keys = AccessKeys(self.keys)

    def _reload(self, step: Step) -> str:
        """As `Reload.run`: all of it or nothing, and remote updates count more."""
        try:
            found = _option_values(step.data)
            wanted = replace(self.configured, **found)
            now = replace(self.world.options, **(found | self._remote_values()))
        except (OptionsInvalid, PropertiesInvalid):
            return "refused"
        if any(contradictions(wanted)) or any(contradictions(now)):
            return "refused"
        changes = {
            name: getattr(now, option.attribute)
            for name, option in BY_NAME.items()
            if getattr(now, option.attribute)
            != getattr(self.world.options, option.attribute)
        }
        self.configured = wanted
        self.world.state.configuration.apply(changes, RELOAD)
        self.world.flush()
        if not self.world.state.unfinished:
            # What an unchanged registration does may be something else now.
            assert not any(info.digest for info in self.world.live.entries())
        return ",".join(changes)

    def _remote_values(self) -> dict[str, Any]:
        """What the file of remote updates says; every line of it can be read."""
        data = self.world.files.get(self.world.options.config_store_path, b"")
        return {
            BY_NAME[entry.key].attribute: parse_remote(entry.key, entry.value)
            for entry in read_properties(data.decode("latin-1"))
        }

    def _restart(self, step: Step) -> str:
        """Killed, or with an end of its own."""
        if step.argument % 2:
            self._begin(self.world.now_ms, self.world.files)
            return "killed"
        self.end()
        kept = self.kept_facts()
        self._begin(self.world.now_ms, self.world.files)
        assert self.kept_facts() == kept
        return "ended"

    def end(self) -> None:
        """As `NameServer.stop`: what was begun ends, and everything is in files."""
        self.world.state.drain(self.world.now_ms)
        # `Connections.halt`: whoever gets a late answer is not heard any more.
        self.world.ended.update(self.connections)
        self.world.state.unfinished.finish()
        self.world.flush()
        while self.world.writes:
            self.finish_writes(1, None)
        self.file.save_all(self.world.now_ms)

    def leave(self) -> None:
        """Everybody goes, files are written, and no stall holds ends any longer."""
        world, state = self.world, self.world.state
        if state.draining:
            self._restart(Step(Op.RESTART))
            world, state = self.world, self.world.state
        state.configuration.apply({"scanNotActiveBrokerInterval": 5000}, RELOAD)
        for slot in range(SLOTS):
            self.close(slot)
        while world.writes or world.queries or state.unfinished:
            self.finish_writes(len(world.writes), None)
            self._product(Step(Op.PRODUCT, 3))
            state.unfinished.finish()
            world.flush()
        world.holds_work = False
        for _ in range(8):
            world.tick(1_000)

    def outlive(self) -> None:
        """A day passes."""
        world = self.world
        # Leases, what they leave over, what that leaves over, and mappings. A stall of
        # our own moves no deadline, and takes few ticks.
        for millis in (_LEASE_MILLIS, *[_LEFTOVERS_MILLIS] * 2, _DAY_MILLIS):
            world.work(millis)
            for _ in range(8):
                world.tick(1_000)

    def kept_facts(self) -> dict[str, Any]:
        """What a restart has to keep: nothing when there is no group."""
        tables = self.world.tables
        if not tables.broker_addr_table:
            return {}
        return {
            "groups": {
                name: (data.cluster, dict(data.broker_addrs), set(data.live_keys))
                for name, data in tables.broker_addr_table.items()
            },
            "topics": {t: dict(e.queues) for t, e in tables.topic_queue_table.items()},
            "clusters": {c: set(n) for c, n in tables.cluster_addr_table.items()},
            "mappings": {
                topic: dict(infos)
                for topic, infos in tables.topic_queue_mapping_info_table.items()
            },
        }

    def _begin(self, now_ms: int, files: dict[str, bytes]) -> None:
        """A process begins, with files of the last one."""
        values = {f.name: getattr(self.configured, f.name) for f in fields(Options)}
        data_dir = values.pop("data_dir")
        assert data_dir == "data"
        self.world = self.module.World(started_ms=now_ms, **values)
        world, state = self.world, self.world.state
        world.files = files
        world.holds_writes = world.holds_work = True
        for attribute, value in self._remote_values().items():
            setattr(world.options, attribute, value)
        state.access.keys = AccessKeys(self.keys)
        state.kv_config.load(files.get(world.options.kv_config_path))
        state.configuration.load(files.get(world.options.config_store_path))
        self.file.begin(vars(self.module), state, now_ms)
        state.refresh_hot_path(now_ms)
        self.changes = ChangeWitness(state)
        self.connections = [world.connect(ADDRESSES[0]) for _ in range(SLOTS)]
        self.slots = list(range(SLOTS))

    def _product(self, step: Step) -> None:
        for query in self.world.queries[: step.argument % 4 + 1]:
            query.done(_BODIES[step.argument // 4 % len(_BODIES)])
        del self.world.queries[: step.argument % 4 + 1]
        self.world.flush()


_DISK_FULL: Final = StorageError("write", "a file", "the disk is full")


def _waits_for_a_turn(connection: Any) -> bool:
    return connection.pause in (Pause.OUTPUT, Pause.TURN) and connection.fault is None


def _option_values(data: bytes) -> dict[str, Any]:
    """Values by attribute, of options that a reload takes over, TLS left out."""
    return {
        option.attribute: parse_value(option, entry.value)
        for entry in read_properties(data.decode("latin-1"))
        if (option := BY_NAME.get(entry.key)) is not None
        and option.live
        and not entry.key.startswith("tls")
    }

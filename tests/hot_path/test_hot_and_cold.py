"""Two whole stacks live through the same history: one answers hot what it may, the
other has an empty mask and asks the processor for everything. Their answers must be
the same bytes and their tables the same after every step; and no answer is stale."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from namesrv.errors import StorageError
from namesrv.hot_path import HotCode, Pause
from namesrv.testing.peer import Broker, request, split_frames, topic_config
from namesrv.work import finish
from tests.hot_path.histories import (
    TOPICS,
    Spec,
    flags,
    mostly,
    opaques,
    own_addr,
    some_changes,
    some_requests,
    some_specs,
)
from tests.routing.snapshot import reverse_index, scanned_index, snapshot
from tests.routing.world import Connection, World
from tests.scale import scaled

LOOKUPS = [(topic, version) for topic in [*TOPICS, "none"] for version in (317, 479)]


# --- one stack ------------------------------------------------------------------------


class Stack:
    """One server, its connections, and what was answered on each of them."""

    def __init__(self, *, all_cold: bool) -> None:
        self.world = World()
        self.connections = [self.world.connect() for _ in range(3)]
        self.slots = [0, 1, 2]
        self.observer = self.world.connect()
        if all_cold:
            state = self.world.state
            setattr(state, "refresh_hot_path", lambda now_ms: None)  # noqa: B010
            state.hot.hot_codes = int(HotCode.NONE)

    def connection(self, slot: int) -> Connection:
        return self.connections[self.slots[slot]]

    def send(self, slot: int, pieces: Iterable[bytes]) -> dict[int, bytes]:
        """What every connection got, by its index."""
        connection = self.connection(slot)
        output = b"".join([self.world.send(piece, connection) for piece in pieces])
        while connection.pause == Pause.TURN:
            output += self.world.next_turn(connection)
        return {**self.late_answers(), self.slots[slot]: output}

    def answer_all_lines(self) -> None:
        """Cold requests that waited for a file may need more turns than hot ones."""
        for connection in self.connections:
            while connection.pause == Pause.TURN:
                output = self.world.next_turn(connection)
                late = self.world.late_output.get(connection, b"")
                self.world.late_output[connection] = late + output

    def late_answers(self) -> dict[int, bytes]:
        late, self.world.late_output = self.world.late_output, {}
        return {self.connections.index(c): output for c, output in late.items()}

    def close(self, slot: int) -> None:
        self.world.close(self.connection(slot))
        self.connections.append(self.world.connect())
        self.slots[slot] = len(self.connections) - 1

    def close_told(self) -> list[int]:
        """Close what the state wants closed; which slots."""
        told, self.world.closed = self.world.closed, []
        slots = [s for s in range(3) if self.connection(s) in told]
        for slot in slots:
            self.close(slot)
        return slots

    def routes(self) -> list[bytes]:
        """The answer of every lookup."""
        return [
            self.world.send(request(105, {"topic": t}, version=v), self.observer)
            for t, v in LOOKUPS
        ]

    def forget_answers(self) -> None:
        """Everything that was ever written must be written again."""
        finish(self.world.tables.marks.forget_all())
        for data in self.world.tables.broker_addr_table.values():
            data.changed()
        self.world.tables.group_changes += 1

    def snapshot(self) -> dict[str, Any]:
        return snapshot(self.world, self.connections)


# --- the history ----------------------------------------------------------------------


class TwoStacks(RuleBasedStateMachine):
    """Sends the same to both. `hot_answers` counts what the processor never saw."""

    def __init__(self, hot_answers: Counter[str]) -> None:
        super().__init__()
        self.hot_answers = hot_answers
        self.normal = Stack(all_cold=False)
        self.cold = Stack(all_cold=True)
        self.both = (self.normal, self.cold)
        self.sent: list[Spec] = []
        self.by_digest: dict[bytes, Spec] = {}

    @initialize()
    def a_group_registers(self) -> None:
        """So that a history begins with something that can change."""
        for broker_id in (0, 1):
            broker = Broker("b1", broker_id, own_addr("b1", broker_id), "c1")
            topics = {name: topic_config(name) for name in TOPICS[:2]}
            content: dict[str, Any] = {"topics": topics, "filters": []}
            spec = Spec(broker, content, {"enableActingMaster": "true"}, 479)
            self.register(spec, 0, 1, 0)
        for back in (1, 0):
            self.repeat(back, 0, 2, 3, 0)

    @rule(spec=some_specs, slot=st.integers(0, 2), opaque=opaques, flag=flags)
    def register(self, spec: Spec, slot: int, opaque: int, flag: int) -> None:
        self.sent.append(spec)
        self.by_digest[spec.digest()] = spec
        self.send(slot, [spec.frame(opaque, 1, flag)], "registration")

    @precondition(lambda self: self.sent)
    @rule(
        back=st.integers(0, 5),
        slot=st.integers(0, 2),
        sent_at=st.integers(1, 3),
        opaque=opaques,
        flag=flags,
    )
    def repeat(
        self, back: int, slot: int, sent_at: int, opaque: int, flag: int
    ) -> None:
        spec = self.sent[-1 - back % len(self.sent)]
        frames = [spec.frame(opaque, sent_at, flag)] * 2
        self.send(slot, frames, "registration")

    @rule(wanted=some_requests(), slot=st.integers(0, 2))
    def ask(self, wanted: bytes, slot: int) -> None:
        self.send(slot, [wanted], "request")

    @rule(wanted=some_changes(), slot=st.integers(0, 2))
    def change(self, wanted: bytes, slot: int) -> None:
        """Afterwards only those may be recognised to whom it makes no difference."""
        self.send(slot, [wanted], "change")
        self.everybody_repeats(slot)

    @rule(slot=st.integers(0, 2))
    def everybody_repeats(self, slot: int) -> None:
        """All whose registration would be recognised send it again."""
        entries = self.normal.world.live.entries()
        digests = sorted({info.digest or b"" for info in entries})
        specs = [self.by_digest[d] for d in digests if d in self.by_digest]
        # The first of each may change its connection; the second never does.
        frames = [spec.frame(4, sent_at) for spec in specs for sent_at in (7, 8)]
        self.send(slot, frames, "repetition")

    @rule(
        wanted=st.lists(some_requests(), min_size=1, max_size=3),
        back=st.lists(st.integers(0, 5), max_size=3),
        slot=st.integers(0, 2),
        size=st.integers(1, 900),
    )
    def a_round(
        self, wanted: list[bytes], back: list[int], slot: int, size: int
    ) -> None:
        """Brokers repeat themselves, something happens, they repeat themselves; the
        normal stack gets it in pieces that end anywhere."""
        specs = [self.sent[-1 - b % len(self.sent)] for b in back]
        before = [spec.frame(i, 8) for spec in specs for i in (1, 2)]
        after = [spec.frame(3, 9) for spec in reversed(specs)]
        self.send(slot, [*before, *wanted, *after], "round", size)

    @rule()
    def the_disk_gets_slow(self) -> None:
        for stack in self.both:
            stack.world.holds_writes = True

    @precondition(lambda self: self.normal.world.writes)
    @rule(success=mostly(True, False), count=st.integers(1, 9))
    def finish_writes(self, success: bool, count: int) -> None:
        error = None if success else StorageError("write", "a file", "disk is full")
        for stack in self.both:
            stack.world.write_error = error
            for _ in stack.world.writes[:count]:
                stack.world.finish_write()
            stack.world.holds_writes = bool(stack.world.writes)
            stack.answer_all_lines()
        assert self.normal.late_answers() == self.cold.late_answers()

    @rule(steps=st.integers(1, 30), millis=st.sampled_from([1, 400, 500]))
    def time_passes(self, steps: int, millis: int) -> None:
        for stack in self.both:
            for _ in range(steps):
                stack.world.tick(millis)

    @rule(
        millis=st.sampled_from([0, 0, 2_000, 60_000, 121_000, 86_400_000]),
        slot=st.integers(0, 2),
    )
    def something_ends(self, millis: int, slot: int) -> None:
        """The process stands still, or a connection ends."""
        for stack in self.both:
            stack.world.now_ms += millis
            if not millis:
                stack.close(slot)

    @invariant()
    def same_tables(self) -> None:
        told = [stack.close_told() for stack in self.both]
        assert told[0] == told[1]
        assert self.normal.snapshot() == self.cold.snapshot()

    @invariant()
    def no_stale_answer(self) -> None:
        kept = self.normal.routes()
        self.normal.forget_answers()
        assert kept == self.normal.routes()
        assert kept == self.cold.routes()

    def teardown(self) -> None:
        for stack in self.both:
            assert reverse_index(stack.world) == scanned_index(stack.world)

    def send(
        self, slot: int, frames: list[bytes], kind: str, size: int | None = None
    ) -> None:
        glued = b"".join(frames)
        size = size or len(glued) or 1
        pieces = [glued[at : at + size] for at in range(0, len(glued), size)]
        world = self.normal.world
        cold_calls = world.processor.cold_calls
        paused = self.normal.connection(slot).pause
        answers = self.normal.send(slot, pieces)
        if not paused:
            cold_calls = world.processor.cold_calls - cold_calls
            self.hot_answers[kind] += len(frames) - cold_calls
        expected = self.cold.send(slot, split_frames(glued))
        assert answers == expected


def test_hot_answers_and_their_effects_equal_the_processors(hot: Any) -> None:
    hot_answers: Counter[str] = Counter()
    machine: Any = lambda: TwoStacks(hot_answers)  # noqa: E731
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=settings().max_examples // 2, stateful_step_count=30
        ),
    )
    assert min(
        hot_answers[k] for k in ("registration", "repetition", "request", "round")
    ) > scaled(20)

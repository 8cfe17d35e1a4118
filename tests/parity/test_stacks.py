"""The same history through two whole servers, one over each twin: the same bytes, the
same care, the same tables after every step."""

from collections import Counter
from collections.abc import Callable
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
from namesrv.hot_path import LARGE_REGISTRATION_BYTES
from namesrv.testing.peer import request, topic_config
from tests.hot_path.histories import (
    TOPICS,
    Spec,
    flags,
    mostly,
    opaques,
    some_requests,
    some_specs,
)
from tests.parity.requests import lookup, pool
from tests.parity.stacks import Stack, own_addr
from tests.parity.streams import cuts, pieces


class TwinStacks(RuleBasedStateMachine):
    """Sends the same to both. `counted` counts frames and what was not hot."""

    def __init__(self, counted: Counter[str]) -> None:
        super().__init__()
        self.counted = counted
        self.sent: list[Spec] = []

    @initialize(
        cache_bytes=st.sampled_from([2**26, 2**26, 600, 0]),
        wait=st.sampled_from([False, False, True]),
    )
    def start(self, cache_bytes: int, wait: bool) -> None:
        options = {
            "answer_cache_bytes": cache_bytes,
            "need_wait_for_service": wait,
            "wait_seconds_for_service": 3,
        }
        self.pure = Stack("pure", **options)
        self.fast = Stack("fast", **options)
        for broker_id in (0, 1):
            topics = {name: topic_config(name) for name in TOPICS[:2]}
            content: dict[str, Any] = {"topics": topics, "filters": []}
            ext: dict[str, str | None] = {"enableActingMaster": "true"}
            self.register(Spec(own_addr("b1", broker_id), content, ext, 479), 0, 1, 0)

    @rule(spec=some_specs, slot=st.integers(0, 2), opaque=opaques, flag=flags)
    def register(self, spec: Spec, slot: int, opaque: int, flag: int) -> None:
        self.sent.append(spec)
        self.send(slot, [spec.frame(opaque, 1, flag)], [])

    @rule(
        back=st.lists(st.integers(0, 5), min_size=1, max_size=3),
        slot=st.integers(0, 2),
        sent_at=st.integers(1, 3),
        flag=flags,
    )
    def repeat(self, back: list[int], slot: int, sent_at: int, flag: int) -> None:
        specs = [self.sent[-1 - b % len(self.sent)] for b in back]
        self.send(slot, [spec.frame(sent_at, sent_at, flag) for spec in specs], [])

    @rule(
        wanted=st.lists(some_requests(), min_size=1, max_size=5),
        back=st.lists(st.integers(0, 3), max_size=2),
        slot=st.integers(0, 2),
        places=cuts,
    )
    def ask(
        self, wanted: list[bytes], back: list[int], slot: int, places: list[int]
    ) -> None:
        repeats = [self.sent[-1 - b % len(self.sent)].frame(b, 9) for b in back]
        self.send(slot, [*repeats, *wanted, *repeats], places)

    @rule(slot=st.integers(0, 2), version=st.sampled_from([317, 400, 401, 479]))
    def look_everything_up(self, slot: int, version: int) -> None:
        wanted = [
            request(105, {"topic": topic}, version=version, opaque=number)
            for number, topic in enumerate([*TOPICS, "none"] * 2)
        ]
        self.send(slot, wanted, [])

    @rule(slot=st.integers(0, 2), more=st.integers(-1, 1))
    def send_much(self, slot: int, more: int) -> None:
        """A large body takes the turn of everybody, whatever it is."""
        body = bytes(LARGE_REGISTRATION_BYTES + more)
        self.send(slot, [request(103, {}, body), request(904, {}, body)], [100, 70_000])

    @rule()
    def next_turn(self) -> None:
        self.same(lambda stack: stack.next_turn())

    @precondition(lambda self: self.pure.world.writes)
    @rule(success=mostly(True, False), count=st.integers(1, 9))
    def finish_writes(self, success: bool, count: int) -> None:
        error = None if success else StorageError("write", "a file", "disk is full")
        self.same(lambda stack: stack.finish_writes(count, error))

    @rule(
        steps=st.integers(1, 30),
        millis=st.sampled_from([1, 400, 500]),
        stall=st.sampled_from([0, 0, 2_000, 121_000, 86_400_000]),
    )
    def time_passes(self, steps: int, millis: int, stall: int) -> None:
        for stack in (self.pure, self.fast):
            stack.world.now_ms += stall
            for _ in range(steps):
                stack.world.tick(millis)

    @rule(slot=st.integers(0, 2))
    def close(self, slot: int) -> None:
        self.same(lambda stack: stack.close(slot))

    @rule()
    def drain(self) -> None:
        """Newer clients are told to go away, for a while."""
        for stack in (self.pure, self.fast):
            state = stack.world.state
            state.draining = not state.draining
            state.refresh_hot_path(stack.world.now_ms)

    @invariant()
    def same_tables(self) -> None:
        if hasattr(self, "fast"):
            self.same(lambda stack: stack.close_told())
            self.same(lambda stack: stack.tables())

    def send(self, slot: int, frames: list[bytes], places: list[int]) -> None:
        calls = self.pure.world.processor.cold_calls
        cut = list(pieces(b"".join(frames), places))
        self.same(lambda stack: stack.send(slot, cut))
        self.counted["frames"] += len(frames)
        self.counted["cold"] += self.pure.world.processor.cold_calls - calls

    def same(self, act: Callable[[Stack], Any]) -> None:
        assert act(self.fast) == act(self.pure)


def test_any_history_of_servers() -> None:
    counted: Counter[str] = Counter()
    machine: Any = lambda: TwinStacks(counted)  # noqa: E731
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=settings().max_examples // 2, stateful_step_count=25
        ),
    )
    # What the processor answers anyhow proves nothing here.
    hot = counted["frames"] - counted["cold"]
    assert hot > 5 * settings().max_examples, counted


def test_a_large_cluster() -> None:
    """Many brokers and topics, all of them repeated, looked up, wiped and expired."""
    stacks = [Stack("pure"), Stack("fast")]
    topics = {name: topic_config(name) for name in (f"topic-{n}" for n in range(300))}
    content: dict[str, Any] = {"topics": topics, "filters": []}
    specs = [Spec(own_addr(f"b{n}", 0), content, {}, 479) for n in range(20)]
    seen = []
    for stack in stacks:
        answers: list[Any] = [stack.send(0, [spec.frame(1, 1)]) for spec in specs]
        answers += [stack.send(1, [spec.frame(2, 2)]) for spec in specs]
        answers.append(stack.send(2, pool(300, lookup)))
        for name in ("b3", "b4"):
            answers.append(stack.send(2, [request(205, {"brokerName": name})]))
        for version in (317, 479):
            wanted = [request(105, {"topic": t}, version=version) for t in topics]
            answers.append(stack.send(2, [b"".join(wanted)]))
        stack.close(1)
        answers.append(stack.tables())
        stack.world.run(400_000)
        answers.append(stack.tables())
        answers.append(stack.send(2, pool(300, lookup)))
        seen.append(answers)
    assert seen[0] == seen[1]

"""Two whole stacks live through the same history: one answers hot what it may, the
other has an empty mask and asks the processor for everything. Their answers must be
the same bytes and their tables the same after every step; and no answer is stale."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

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
from namesrv.hot_path import HotCode
from tests.routing.peer import (
    Broker,
    binary_request,
    data_version,
    mapping_info,
    registration,
    registration_body,
    request,
    split_frames,
    topic_config,
)
from tests.routing.snapshot import reverse_index, scanned_index, snapshot
from tests.routing.world import Connection, World

NAMES = ["b1", "b2"]
CLUSTERS = ["c1", "c2"]
TOPICS = ["T1", "T2", "T3", "rmq_sys_SYNC_BROKER_MEMBER_b1"]
LOOKUPS = [(topic, version) for topic in [*TOPICS, "none"] for version in (317, 479)]
REMOTE_FLAGS = [
    "supportActingMaster",
    "orderMessageEnable",
    "deleteTopicWithBrokerRegistration",
    "returnOrderTopicConfigToBroker",
    "notifyMinBrokerIdChanged",
]


class Spec(NamedTuple):
    """A registration that can be sent again."""

    broker: Broker
    content: dict[str, Any]
    ext: dict[str, str | None]
    version: int

    def frame(self, opaque: int, sent_at: int, flag: int = 0) -> bytes:
        body = registration_body(**self.content, sent_at=sent_at)
        return registration(
            self.broker,
            body,
            ext=self.ext,
            opaque=opaque,
            version=self.version,
            flag=flag,
        )


# --- what peers send ------------------------------------------------------------------


def mostly(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    """Three times out of four the usual."""
    return st.sampled_from([usual] * 3 * len(others) + list(others))


def own_addr(name: str, broker_id: int) -> str:
    return f"{name}-{broker_id}:1"


@st.composite
def some_brokers(draw: st.DrawFn) -> Broker:
    name = draw(mostly("b1", "b2"))
    broker_id = draw(st.sampled_from([0, 0, 1, 1, 2, -1]))
    addr = draw(mostly(own_addr(name, broker_id), "shared:1", own_addr("b1", 0)))
    return Broker(name, broker_id, addr, draw(mostly("c1", "c2")))


@st.composite
def some_content(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.sets(st.sampled_from(TOPICS)))
    topics = {
        name: topic_config(
            draw(mostly(name, None)),
            queues=draw(st.sampled_from([4, 8])),
            perm=draw(mostly(6, 4, 2, 7)),
            flag=draw(mostly(0, 2)),
        )
        for name in sorted(names)
    }
    mappings = {}
    if draw(mostly(False, True)):
        mappings["T1"] = mapping_info("T1", draw(st.sampled_from([*NAMES, "other"])))
    version = data_version(
        draw(st.integers(0, 2)), draw(st.integers(1, 2)), draw(mostly(0, 1))
    )
    if draw(mostly(False, False, True)):
        del version["timestamp"]
    filters = draw(mostly([], ["f1"], ["f1", None], None))
    return {
        "topics": draw(mostly(topics, None)) and topics,
        "version": version,
        "mappings": mappings,
        "filters": filters,
    }


some_ext = st.fixed_dictionaries(
    {},
    optional={
        "enableActingMaster": st.sampled_from(["true", "false", None]),
        "__ZONE_NAME": st.sampled_from(["z1", "z2", ""]),
        "heartbeatTimeoutMillis": st.sampled_from(["1000", "10000", "0"]),
        "haServerAddr": st.sampled_from(["ha:1", None]),
        "bodyCrc32": mostly(None, "0", "1"),
    },
)
# The checksum is right unless `some_ext` says otherwise.
some_specs = st.builds(
    Spec,
    some_brokers(),
    some_content(),
    some_ext.map(
        lambda ext: {n: v for n, v in ext.items() if (n, v) != ("bodyCrc32", None)}
    ),
    mostly(479, 400),
)
opaques = st.integers(-(2**31), 2**31 - 1)
forms = st.sampled_from([request, request, binary_request])
flags = mostly(0, 2)


@st.composite
def some_requests(draw: st.DrawFn) -> bytes:
    """Anything but a registration."""
    kinds = [lookups(), lookups(), heartbeats(), queries(), changes(), reads]
    code, ext_fields, body = draw(st.one_of(*kinds, unregistrations()))
    known = {name: text for name, text in ext_fields.items() if text is not None}
    return draw(forms)(code, known, body, opaque=draw(opaques), flag=draw(flags))


@st.composite
def lookups(draw: st.DrawFn) -> tuple[int, dict[str, Any], bytes]:
    ext_fields = {
        "topic": draw(st.sampled_from([*TOPICS, "none"])),
        "acceptStandardJsonOnly": draw(mostly(None, "true", "True", "no")),
        "__ZONE_MODE": draw(mostly(None, "true", "false")),
        "__ZONE_NAME": draw(mostly(None, "z1", "Z2", " ")),
    }
    return 105, ext_fields, b""


@st.composite
def heartbeats(draw: st.DrawFn) -> tuple[int, dict[str, Any], bytes]:
    return 904, draw(some_brokers()).ext_fields, b""


@st.composite
def queries(draw: st.DrawFn) -> tuple[int, dict[str, Any], bytes]:
    version = data_version(
        draw(st.integers(0, 2)), draw(st.integers(1, 2)), draw(mostly(0, 1))
    )
    text = json.dumps(version, separators=(",", ":"))
    body = draw(mostly(text, json.dumps(version), "", "null", "{", '{"counter":1}'))
    return 322, draw(some_brokers()).ext_fields, body.encode()


@st.composite
def unregistrations(draw: st.DrawFn) -> tuple[int, dict[str, Any], bytes]:
    ext_fields = draw(some_brokers()).ext_fields
    wrong = draw(mostly({}, {"brokerName": "b2"}, {"brokerName": "unknown"}))
    return 104, {**ext_fields, **wrong}, b""


@st.composite
def changes(draw: st.DrawFn) -> tuple[int, dict[str, Any], bytes]:
    topic = draw(st.sampled_from(TOPICS))
    kind = draw(st.sampled_from([205, 327, 216, 217, 100, 102, 318]))
    if kind in (205, 327):
        return kind, {"brokerName": draw(st.sampled_from([*NAMES, "none"]))}, b""
    if kind == 216:
        cluster = draw(st.sampled_from([None, "", *CLUSTERS]))
        return kind, {"topic": topic, "clusterName": cluster}, b""
    if kind == 217:
        names = draw(st.lists(st.sampled_from([*NAMES, "none"]), max_size=2))
        queues = [{"brokerName": n, "perm": 6, "readQueueNums": 2} for n in names]
        return kind, {"topic": topic}, json.dumps({"queueDatas": queues}).encode()
    if kind == 318:
        name = draw(st.sampled_from(REMOTE_FLAGS))
        value = draw(st.sampled_from(["true", "false"]))
        return kind, {}, f"{name}={value}\n".encode()
    namespace = draw(mostly("ORDER_TOPIC_CONFIG", "other"))
    value = draw(st.sampled_from(["b1:4", "b1:8;b2:1"]))
    return kind, {"namespace": namespace, "key": topic, "value": value}, b""


reads = st.sampled_from(
    [
        (106, {}, b""),
        (206, {}, b""),
        (224, {"cluster": "c1"}, b""),
        (304, {}, b""),
        (312, {}, b""),
        (901, {"clusterName": "c1", "brokerName": "b1"}, b""),
        (219, {"namespace": "ORDER_TOPIC_CONFIG"}, b""),
        (101, {"namespace": "ORDER_TOPIC_CONFIG", "key": "T1"}, b""),
        (319, {}, b""),
        (343, {}, b""),
    ]
)


# --- one stack ------------------------------------------------------------------------


class Stack:
    """One server, its connections, and what was answered on each of them."""

    def __init__(self, *, all_cold: bool) -> None:
        self.world = World()
        self.all_cold = all_cold
        self.world.holds_writes = True
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
        return {**self.late_answers(), self.slots[slot]: output}

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
        self.world.tables.route_answers.forget_bodies()
        for data in self.world.tables.broker_addr_table.values():
            data.changed()

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

    @initialize()
    def a_group_registers(self) -> None:
        """So that a history begins with something that can change."""
        for broker_id in (0, 1):
            broker = Broker("b1", broker_id, own_addr("b1", broker_id), "c1")
            topics = {name: topic_config(name) for name in TOPICS[:2]}
            content: dict[str, Any] = {"topics": topics, "filters": []}
            spec = Spec(broker, content, {"enableActingMaster": "true"}, 479)
            self.register(spec, 0, 1, 0)
            self.repeat(0, 0, 2, 3, 0)

    @rule(spec=some_specs, slot=st.integers(0, 2), opaque=opaques, flag=flags)
    def register(self, spec: Spec, slot: int, opaque: int, flag: int) -> None:
        self.sent.append(spec)
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
        self.send(slot, [spec.frame(opaque, sent_at, flag)], "registration")

    @rule(wanted=some_requests(), slot=st.integers(0, 2))
    def ask(self, wanted: bytes, slot: int) -> None:
        self.send(slot, [wanted], "request")

    @rule(
        wanted=st.lists(some_requests(), min_size=2, max_size=5),
        back=st.lists(st.integers(0, 3), max_size=2),
        slot=st.integers(0, 2),
        size=st.integers(1, 400),
    )
    def pipeline(
        self, wanted: list[bytes], back: list[int], slot: int, size: int
    ) -> None:
        """The normal stack gets pieces that end anywhere."""
        repeats = [self.sent[-1 - b % len(self.sent)].frame(b, 9) for b in back]
        self.send(slot, [*repeats, *wanted, *repeats], "pipeline", size)

    @precondition(lambda self: self.normal.world.writes)
    @rule(success=mostly(True, False), count=st.integers(1, 9))
    def finish_writes(self, success: bool, count: int) -> None:
        error = None if success else StorageError("write", "a file", "disk is full")
        for stack in self.both:
            stack.world.write_error = error
            for _ in stack.world.writes[:count]:
                stack.world.finish_write()
        assert self.normal.late_answers() == self.cold.late_answers()

    @rule(steps=st.integers(1, 30), millis=st.sampled_from([1, 400, 500]))
    def time_passes(self, steps: int, millis: int) -> None:
        for stack in self.both:
            for _ in range(steps):
                stack.world.tick(millis)

    @rule(millis=st.sampled_from([2_000, 60_000, 121_000, 86_400_000]))
    def stand_still(self, millis: int) -> None:
        for stack in self.both:
            stack.world.now_ms += millis

    @rule(slot=st.integers(0, 2))
    def close(self, slot: int) -> None:
        for stack in self.both:
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
        size = size or len(glued)
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
    run_state_machine_as_test(
        lambda: TwoStacks(hot_answers),
        settings=settings(
            max_examples=settings().max_examples // 2, stateful_step_count=30
        ),
    )
    print(hot_answers)
    assert min(hot_answers[k] for k in ("registration", "request", "pipeline")) > 50

"""Registrations that are read straight from the bytes have the effects of others."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.routing.brokers import registration_reader
from namesrv.routing.tables.queue_sets import Stored
from namesrv.testing.peer import (
    Broker,
    Json,
    data_version,
    json_bytes,
    mapping_info,
    registration,
    registration_body,
    topic_config,
)
from namesrv.wire.topic_forms import TopicForms
from tests.routing.snapshot import snapshot
from tests.routing.world import World

BROKERS = [
    Broker(name, id, f"10.0.0.{n}:1")
    for n, (name, id) in enumerate([("a", 0), ("a", 1), ("b", 0), ("c", 0)])
]
PADDING = {"padding": ["x" * 100] * 60}


def padded(body: bytes) -> bytes:
    """The same registration, too long for a small body."""
    return body[:-1] + b"," + json_bytes(PADDING)[1:]


def worlds(**options: Any) -> list[World]:
    """One that scans, and one that does not."""
    made = [World(**options), World(**options)]
    for world, scans in zip(made, (True, False), strict=True):
        world.state.registration_reader.scans = scans
    return made


topics = st.dictionaries(
    st.sampled_from([f"t{n}" for n in range(8)]),
    st.tuples(st.integers(4, 6), st.sampled_from([6, 4]), st.integers(0, 1)),
    max_size=8,
)
steps = st.lists(
    st.tuples(
        st.sampled_from(BROKERS),
        topics,
        st.integers(0, 3),
        st.sampled_from([None, "true", "false"]),
        st.sampled_from(["usual", "usual", "usual", "odd name", "no name", "delete"]),
    ),
    max_size=8,
)


def body_of(table: dict[str, Any], counter: int, kind: str) -> bytes:
    configs: dict[str, Json] = {
        name: topic_config(name, queues, perm, flag)
        for name, (queues, perm, flag) in table.items()
    }
    if kind == "odd name":
        configs["key"] = topic_config("t0", 3)
    if kind == "no name":
        configs["key"] = topic_config(None, 3)
    mappings = {"t1": mapping_info("t1", "a")} if counter == 3 else None
    return registration_body(configs, version=data_version(counter), mappings=mappings)


@given(steps, st.booleans(), st.sampled_from([0, 9]))
def test_scanned_registrations_have_the_same_effects(
    history: Any, deletes: bool, most: int
) -> None:
    options = {"delete_topic_with_broker_registration": deletes, "max_routes": most}
    both = worlds(**options)
    for broker, table, counter, acting, kind in history:
        body = padded(body_of(table, counter, kind))
        frame = registration(broker, body, ext={"enableActingMaster": acting})
        answers = []
        for world in both:
            answers.append(world.send(frame))
            if kind == "delete":
                world.ask(216, {"topic": "t0"})
        assert answers[0] == answers[1]
        first, second = (snapshot(world, []) for world in both)
        assert first == second
        assert both[0].events == both[1].events
        assert both[0].changes == both[1].changes
        refs = [
            {
                name: sorted(entry.topic for entry in data.topics())
                for name, data in world.tables.broker_addr_table.items()
            }
            for world in both
        ]
        assert refs[0] == refs[1]
        assert both[0].tables.routes == both[1].tables.routes


TABLE = {f"t{n}": (4, 6, 0) for n in range(50)}
USUAL = body_of(TABLE, 1, "usual")
WRAPPER = b'"topicConfigSerializeWrapper":{'
OTHER = b'"topicConfigTable":{"U":%b}' % json_bytes(topic_config("U"))


class Read:
    """Counts the registrations that were scanned, and those that were decoded."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.scanned = self.decoded = 0
        for name, count in (("ScannedTopics", "scanned"), ("DecodedTopics", "decoded")):
            patch.setattr(registration_reader, name, self._counting(name, count))

    def _counting(self, name: str, count: str) -> Callable[[Any], Any]:
        kind = getattr(registration_reader, name)

        def make(configs: Any) -> Any:
            setattr(self, count, getattr(self, count) + 1)
            return kind(configs)

        return make


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    return Read(monkeypatch)


def test_large_registrations_in_the_usual_form_are_scanned(read: Read) -> None:
    world, _ = worlds()
    world.register(BROKERS[0], USUAL)
    assert (read.scanned, read.decoded) == (1, 0)
    assert len(world.tables.topic_queue_table) == 50
    world.register(BROKERS[0], registration_body())
    assert (read.scanned, read.decoded) == (1, 1)


UNUSUAL = {
    "a later table": USUAL[:-2] + b"," + OTHER + b"}}",
    "an earlier table": USUAL.replace(WRAPPER, WRAPPER + OTHER + b",", 1),
    "a later wrapper": USUAL[:-1] + b"," + WRAPPER + OTHER + b"}}",
    "the table in another member": USUAL.replace(b"{", b'{"x":{%b},' % OTHER, 1),
    "a key that is not the name": USUAL.replace(b'"t7":', b'"u":', 1),
    "a topic twice": USUAL.replace(b'"t7"', b'"t8"'),
    "a bare name": USUAL.replace(b'"counter"', b"counter"),
    "the end is missing": USUAL[:-1],
    "the end of the table is missing": USUAL.replace(b"}},", b"},", 1),
}


@pytest.mark.parametrize("body", UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_registrations_are_read_as_ever(body: bytes, read: Read) -> None:
    scanning, decoding = worlds()
    before = [world.register(BROKERS[0], USUAL) for world in (scanning, decoding)]
    assert before[0] == before[1]
    frames = registration(BROKERS[0], body)
    assert scanning.send(frames) == decoding.send(frames)
    assert snapshot(scanning, []) == snapshot(decoding, [])
    assert read.scanned == 1


def test_limits_of_topics_and_names_are_those_of_decoded_ones() -> None:
    for options in (
        {"max_topics_per_registration": 40},
        {"max_name_bytes": 64},
        {"max_routes": 30},
        {"max_filter_servers": 1},
    ):
        name = "n" * 100 if "max_name_bytes" in options else "n"
        table = {**TABLE, name: (4, 6, 0)}
        body = body_of(table, 1, "usual").replace(b"[]", b'["f:1","f:2"]', 1)
        answers = [
            world.send(registration(BROKERS[0], body)) for world in worlds(**options)
        ]
        assert answers[0] == answers[1]
        assert b'"code":1,' in answers[0]


def test_one_topic_more_touches_one_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    world, _ = worlds()
    names = [f"t{n}" for n in range(2000)]
    table = dict.fromkeys(names, (4, 6, 0))
    world.register(BROKERS[0], body_of(table, 1, "usual"))
    tables = world.tables
    for name in names:
        world.route(name)
    stored: list[Any] = []
    store = tables.store_queues

    def store_queues(data: Any, topics: Any, queue_datas: Any, changes: Any) -> Stored:
        stored.extend(topics)
        return store(data, topics, queue_datas, changes)

    monkeypatch.setattr(tables, "store_queues", store_queues)
    more = {"new": (4, 6, 0), **table, "t7": (5, 6, 0)}
    world.register(BROKERS[0], body_of(more, 2, "usual"))
    assert [getattr(one, "topic", one) for one in stored] == ["new", "t7"]
    before = world.processor.cold_calls
    for name in ("new", *names):
        world.route(name)
    assert world.processor.cold_calls == before + 2
    assert tables.topic_queue_table["t7"].queues["a"].read_queue_nums == 5


def test_forms_are_kept_between_registrations(monkeypatch: pytest.MonkeyPatch) -> None:
    learned: list[int] = []
    learn = TopicForms.learn

    def counting(self: Any, body: bytes, at: int) -> Any:
        learned.append(at)
        return learn(self, body, at)

    monkeypatch.setattr(TopicForms, "learn", counting)
    world, _ = worlds()
    for counter in range(3):
        world.register(BROKERS[0], body_of(TABLE, counter, "usual"))
    assert len(learned) == 1


@pytest.mark.parametrize("scans", [True, False])
def test_topics_that_another_group_loses_meanwhile_are_stored(*, scans: bool) -> None:
    world = World()
    world.state.registration_reader.scans = scans
    names = [f"topic{number}" for number in range(2000)]
    first, second = BROKERS[0], BROKERS[2]

    def body(counter: int) -> bytes:
        table = {name: topic_config(name, 4) for name in names}
        return registration_body(table, version=data_version(counter))

    other = world.connect()
    world.register(second, body(1), connection=other)
    world.holds_work = True
    world.send(registration(first, body(2)), world.connect())
    # Some of the batches of topics are stored, and the others found already.
    while not any("a" in groups for groups in world.topics.values()):
        world.next_step()
    world.close(other)
    while world.state.unfinished:
        world.next_step()
    assert [name for name in names if name not in world.topics] == []
    assert world.tables.routes == len(names)

"""Lists of topics are kept, and never longer than they are true."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from namesrv.routing.answers import topic_lists
from namesrv.routing.events import TopicChanges
from namesrv.routing.tables.ordered_texts import BLOCK_NAMES
from namesrv.routing.tables.queue_steps import set_queues
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.routing.tables.topic_log import LEAST_KEPT
from namesrv.testing.peer import (
    Broker,
    data_version,
    registration_body,
    topic_config,
    topic_table,
)
from namesrv.wire.java_json.write import write_string
from namesrv.work import STEP_UNITS, finish
from tests.routing.world import World

LISTS: list[tuple[int, dict[str, str]]] = [
    (206, {}),
    (224, {"cluster": "c1"}),
    (224, {"cluster": "c2"}),
    (224, {}),
    (311, {}),
    (312, {}),
    (313, {}),
]
BROKERS = [
    Broker("a", 0, "a:1", "c1"),
    Broker("a", 1, "a:2", "c1"),
    Broker("b", 0, "b:1", "c2"),
    Broker("b", 0, "b:1", "c1"),
]
brokers = st.sampled_from(BROKERS)
topics = st.sampled_from(["T1", "T2", "T3"])


def scanned(tables: RouteTables, code: int, cluster: str | None) -> list[str]:
    """The list by looking at every topic."""
    names = tables.cluster_addr_table.get(cluster or "", set())
    found = []
    for topic, entry in sorted(tables.topic_queue_table.items()):
        flag = entry.queues[min(entry.queues)].topic_sys_flag
        belongs = {
            206: True,
            224: not names.isdisjoint(entry.queues),
            311: flag & 1,
            312: flag & 2,
            313: flag & 3 == 2,
        }
        if belongs[code]:
            found.append(topic)
    return found


class Lists(RuleBasedStateMachine):
    """A server that keeps lists, whose lists are also written anew each time."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(notify_min_broker_id_changed=True)
        self.versions = 0

    @rule(
        broker=brokers,
        names=st.lists(topics, unique=True, min_size=2),
        flag=st.integers(0, 3),
    )
    def register(self, broker: Broker, names: list[str], flag: int) -> None:
        self.versions += 1
        table = {name: topic_config(name, flag=flag) for name in names}
        body = registration_body(table, version=data_version(self.versions))
        self.world.register(broker, body)

    @rule(broker=brokers)
    def unregister(self, broker: Broker) -> None:
        self.world.ask(104, broker.ext_fields)

    @rule(topic=topics, cluster=st.sampled_from([None, "c1", "c2"]))
    def delete(self, topic: str, cluster: str | None) -> None:
        self.world.ask(216, {"topic": topic, "clusterName": cluster})

    @rule(topic=topics, name=st.sampled_from(["a", "b", "c"]))
    def add(self, topic: str, name: str) -> None:
        body = b'{"queueDatas":[{"brokerName":"%b","topicSysFlag":3}]}' % name.encode()
        self.world.ask(217, {"topic": topic}, body)

    @rule(code=st.sampled_from([205, 327]), name=st.sampled_from(["a", "b"]))
    def change_permissions(self, code: int, name: str) -> None:
        self.world.ask(code, {"brokerName": name})

    @rule(millis=st.sampled_from([0, 1000, 200_000]))
    def end(self, millis: int) -> None:
        self.world.close()
        self.world.connection = self.world.connect()
        self.world.run(millis)

    @invariant()
    def lists_are_true(self) -> None:
        for code, ext_fields in LISTS:
            said = self.world.ask(code, ext_fields).json["topicList"]
            assert said == scanned(self.world.tables, code, ext_fields.get("cluster"))

    @invariant()
    def names_and_numbers_are_true(self) -> None:
        tables = self.world.tables
        texts = finish(self.world.state.topic_lists.names())
        names = texts.following("", 100, is_included=True)
        assert names == scanned(tables, 206, None)
        for name, data in tables.broker_addr_table.items():
            entries = tables.topic_queue_table.values()
            assert data.topic_count == sum(name in e.queues for e in entries)
        for cluster, members in tables.cluster_addr_table.items():
            in_order = tables.cluster_names.names_in(cluster)
            assert in_order is not None
            found = in_order.following("", 100, is_included=True)
            assert found == sorted(name for name in members if name is not None)
        assert tables.cluster_names.names_in("none") is None


TestLists = Lists.TestCase


# --- work -----------------------------------------------------------------------------


class Counting:
    """How many names the lists of a server looked at and wrote."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.looked_at = self.written = 0
        look_at = topic_lists._KeptList._look_at

        def counting_look(kept: Any, names: list[str]) -> int:
            self.looked_at += len(names)
            return look_at(kept, names)

        def counting_write(name: str) -> str:
            self.written += 1
            return write_string(name)

        patch.setattr(topic_lists._KeptList, "_look_at", counting_look)
        patch.setattr(topic_lists, "write_string", counting_write)

    def take(self) -> tuple[int, int]:
        """Names looked at, and written, since the last time."""
        taken = self.looked_at, self.written
        self.looked_at = self.written = 0
        return taken


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    return Counting(monkeypatch)


def filled(*numbers: int) -> World:
    """A server with a broker of c1 that has these topics."""
    world = World()
    world.register(BROKERS[0], registration_body(topic_table("00001", "00002")))
    fill(world, "a", numbers)
    return world


def fill(world: World, broker_name: str, numbers: Iterable[int]) -> None:
    """As a large registration would, in which nothing else happens."""
    data = world.tables.broker_addr_table[broker_name]
    queues = data.shared(6, 4, 3, 4)
    topics = [f"{number:05}" for number in numbers]
    given = [queues] * len(topics)
    finish(set_queues(world.tables, data, topics, given, TopicChanges()))


SIZE = 3000


@pytest.mark.parametrize(
    ("code", "ext_fields"), [(206, {}), (224, {"cluster": "c1"}), (311, {}), (312, {})]
)
def test_asking_again_costs_what_changed(
    code: int, ext_fields: dict[str, str], counting: Counting
) -> None:
    world = filled(*range(SIZE))
    before = world.ask(code, ext_fields)
    assert counting.take()[0] == SIZE
    assert world.ask(code, ext_fields).body == before.body
    assert counting.take() == (0, 0)
    world.ask(216, {"topic": "00007"})
    world.ask(code, ext_fields)
    looked_at, written = counting.take()
    assert looked_at == 1 and written <= BLOCK_NAMES


def test_clusters_that_nobody_has_cost_nothing(counting: Counting) -> None:
    world = filled(*range(SIZE))
    for number in range(64):
        answer = world.ask(224, {"cluster": f"nobody {number}"})
        assert answer.body == b'{"topicList":[]}'
    assert counting.take() == (0, 0)
    assert len(world.state.topic_lists) == 0


def test_a_small_cluster_costs_its_own_topics(counting: Counting) -> None:
    world = filled(*range(SIZE))
    world.register(BROKERS[2], registration_body(topic_table("00001", "x")))
    world.ask(224, {"cluster": "c2"})
    assert counting.take() == (2, 2)


def test_a_cluster_of_many_brokers_costs_its_topics_once(counting: Counting) -> None:
    world = World()
    for number in range(5):
        world.register(Broker(f"b{number}", 0, f"{number}:1"))
        fill(world, f"b{number}", range(298))
    world.ask(224, {"cluster": "c1"})
    assert counting.take() == (300, 300)


def test_when_more_changed_than_there_is_every_topic_is_looked_at(
    counting: Counting,
) -> None:
    world = filled()
    world.ask(206)
    counting.take()
    entries = world.tables.topic_queue_table
    for _ in range(3):
        fill(world, "a", range(SIZE))
        for topic in list(entries)[2:]:
            world.drop_topic(topic)
    assert len(world.ask(206).json["topicList"]) == len(entries) == 2
    assert counting.take()[0] < LEAST_KEPT


def test_kept_lists_have_a_limit_and_the_oldest_goes(
    monkeypatch: pytest.MonkeyPatch, counting: Counting
) -> None:
    monkeypatch.setattr(topic_lists, "MOST_KEPT_BYTES", 10_000)
    world = World()
    for number in range(20):
        broker = Broker("b", 0, f"{number}:1", f"c{number}")
        world.register(broker._replace(name=f"b{number}"))
        fill(world, f"b{number}", range(98))
    for number in range(20):
        world.ask(224, {"cluster": f"c{number}"})
    counting.take()
    lists = world.state.topic_lists
    assert 0 < len(lists) < 5 and lists.kept_bytes <= 10_000
    world.ask(224, {"cluster": "c19"})
    assert counting.take() == (0, 0)
    world.ask(224, {"cluster": "c0"})
    assert counting.take() == (100, 100)


def test_few_lists_are_kept_whatever_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_lists, "MOST_LISTS", 3)
    world = World()
    for number in range(5):
        world.register(Broker(f"b{number}", 0, f"{number}:1", f"c{number}"))
        world.ask(224, {"cluster": f"c{number}"})
    assert len(world.state.topic_lists) == 3


def test_lists_that_are_made_at_the_same_time_are_all_whole() -> None:
    world = filled(*range(SIZE))
    lists = world.state.topic_lists
    steps = [lists.all() for _ in range(3)]
    done: list[bytes] = []
    while steps:
        for one in list(steps):
            try:
                assert next(one) <= STEP_UNITS
            except StopIteration as stop:
                done.append(stop.value)
                steps.remove(one)
    assert [len(json.loads(body)["topicList"]) for body in done] == [SIZE] * 3


def test_what_changes_while_a_list_is_made_does_not_spoil_it() -> None:
    world = filled(*range(SIZE))
    steps = world.state.topic_lists.all()
    next(steps)
    world.ask(216, {"topic": "00000"})
    fill(world, "a", range(SIZE, 3 * SIZE))
    finish(steps)
    assert len(world.ask(206).json["topicList"]) == 3 * SIZE - 1

"""The six tables: the reverse index, and which answers a change makes stale."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from namesrv._impl import RouteAnswers, TopicQueues
from namesrv.routing.events import TopicChanges
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.routing.tables.queue_steps import set_queues
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.testing.peer import (
    Broker,
    data_version,
    registration_body,
    topic_config,
    topic_table,
)
from namesrv.wire.bodies import QueueData, TopicQueueMappingInfo
from namesrv.work import finish
from tests.routing.world import World

# --- the reverse index ----------------------------------------------------------------

NAMES = ["b1", "b2", "b3"]
TOPICS = ["A", "B", "C", "D"]
names = st.sampled_from(NAMES)
topics = st.sampled_from(TOPICS)


class Tables(RuleBasedStateMachine):
    """The model is topic -> broker name -> perm."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = RouteTables(RouteAnswers(1000))
        self.model: dict[str, dict[str, int]] = {}
        self.stale: set[str] = set()

    def fill(self) -> None:
        for entry in self.tables.topic_queue_table.values():
            self.tables.marks.answered(entry, True, b"body")

    @rule(name=names, perms=st.dictionaries(topics, st.integers(0, 3)))
    def set_queues(self, name: str, perms: dict[str, int]) -> None:
        self.fill()
        data = self.tables.broker_addr_table.get(name)
        if data is None:
            data = self.tables.broker_addr_table[name] = BrokerData("c", name)
        self.stale = {t for t, p in perms.items() if self.entry(t).get(name) != p}
        changes = TopicChanges()
        queue_datas = [QueueData(name, perm) for perm in perms.values()]
        finish(set_queues(self.tables, data, list(perms), queue_datas, changes))
        assert {*changes.added, *changes.changed} == self.stale
        assert not changes.removed
        for topic, perm in perms.items():
            self.model.setdefault(topic, {})[name] = perm

    @rule(name=names, topic=topics)
    def remove_queue(self, name: str, topic: str) -> None:
        entry = self.tables.topic_queue_table.get(topic)
        if entry is None:
            return
        self.fill()
        self.stale = {topic} if name in self.entry(topic) else set()
        changes = TopicChanges()
        self.tables.remove_queue(entry, name, changes)
        assert set(changes.removed) == self.stale
        self.drop(topic, name)

    @rule(name=names)
    def remove_group(self, name: str) -> None:
        if name not in self.tables.broker_addr_table:
            return
        self.fill()
        self.stale = {t for t in self.model if name in self.entry(t)}
        changes = TopicChanges()
        finish(self.tables.remove_group(name, changes, 0))
        assert set(changes.removed) == self.stale
        for topic in list(self.model):
            self.drop(topic, name)

    @rule(name=names)
    def group_changed(self, name: str) -> None:
        data = self.tables.broker_addr_table.get(name)
        if data is not None:
            self.fill()
            self.stale = {t for t in self.model if name in self.entry(t)}
            finish(self.tables.group_changed(data))

    def entry(self, topic: str) -> dict[str, int]:
        return self.model.get(topic, {})

    def drop(self, topic: str, name: str) -> None:
        self.entry(topic).pop(name, None)
        if not self.entry(topic):
            self.model.pop(topic, None)

    @invariant()
    def same_topics(self) -> None:
        table = self.tables.topic_queue_table
        assert {
            topic: {name: data.perm for name, data in entry.queues.items()}
            for topic, entry in table.items()
        } == self.model
        assert all(table[topic].topic == topic for topic in table)

    @invariant()
    def same_reverse_index(self) -> None:
        for name, data in self.tables.broker_addr_table.items():
            found = [entry.topic for entry in data.topics()]
            assert sorted(found) == sorted(
                t for t in self.model if name in self.model[t]
            )
            for entry in data.topics():
                assert self.tables.topic_queue_table[entry.topic] is entry

    @invariant()
    def exactly_the_changed_answers_are_stale(self) -> None:
        answers = self.tables.route_answers
        assert len(answers) == len(self.model)
        stale = {t for t in self.model if answers.answer(t, True, 0) is None}
        assert stale == self.stale & self.model.keys()
        self.fill()
        self.stale = set()


def test_any_history_keeps_the_reverse_index_right() -> None:
    run_state_machine_as_test(Tables, settings=settings(stateful_step_count=30))


# --- which answers a request makes stale ----------------------------------------------

A, B = Broker("a", 0, "a:1"), Broker("b", 0, "b:1")
A_SLAVE = Broker("a", 1, "a-slave:1")


class Lookups:
    """Two brokers: three topics of the one, two of the other, one of both."""

    def __init__(self, **options: Any) -> None:
        self.world = World(**options)
        self.world.register(A, registration_body(topic_table("A1", "A2", "both")))
        self.world.register(B, registration_body(topic_table("B1", "both")))
        self.ask_everything()

    def ask_everything(self) -> None:
        for topic in self.world.topics:
            self.world.route(topic)

    def stale(self) -> set[str]:
        answers = self.world.tables.route_answers
        return {t for t in self.world.topics if answers.answer(t, True, 0) is None}


ALL_OF_A = {"A1", "A2", "both"}


@pytest.fixture
def lookups() -> Lookups:
    return Lookups()


def test_an_unchanged_registration_makes_nothing_stale(lookups: Lookups) -> None:
    body = registration_body(topic_table("A1", "A2", "both"))
    lookups.world.register(A, body)
    lookups.world.register(A, body + b" ")
    assert lookups.stale() == set()


def test_a_changed_topic_makes_only_itself_stale(lookups: Lookups) -> None:
    table = topic_table("A1", "A2", "both") | {"A2": topic_config("A2", queues=9)}
    body = registration_body(table, version=data_version(1))
    lookups.world.register(A, body)
    assert lookups.stale() == {"A2"}


def test_a_new_slave_makes_the_topics_of_its_group_stale(lookups: Lookups) -> None:
    lookups.world.register(A_SLAVE)
    assert lookups.stale() == ALL_OF_A


def test_a_heartbeat_makes_nothing_stale(lookups: Lookups) -> None:
    lookups.world.ask(904, A.ext_fields)
    lookups.world.ask(322, A.ext_fields)
    assert lookups.stale() == set()


def test_a_lost_slave_makes_the_topics_of_its_group_stale(lookups: Lookups) -> None:
    lookups.world.register(A_SLAVE)
    lookups.ask_everything()
    lookups.world.ask(104, A_SLAVE.ext_fields)
    assert lookups.stale() == ALL_OF_A


def test_a_lost_group_makes_the_topic_it_shared_stale(lookups: Lookups) -> None:
    lookups.world.ask(104, A.ext_fields)
    assert lookups.stale() == {"both"}
    assert set(lookups.world.topics) == {"B1", "both"}


def test_write_permission_makes_the_topics_of_its_group_stale(
    lookups: Lookups,
) -> None:
    lookups.world.ask(205, {"brokerName": "a"})
    assert lookups.stale() == ALL_OF_A
    lookups.ask_everything()
    lookups.world.ask(205, {"brokerName": "a"})
    assert lookups.stale() == set()
    lookups.world.ask(327, {"brokerName": "b"})
    assert lookups.stale() == set()


def test_deleting_in_a_cluster_makes_the_topic_stale(lookups: Lookups) -> None:
    lookups.world.register(Broker("d", 0, "d:1", "c2"), registration_body({}))
    body = b'{"queueDatas":[{"brokerName":"d"}]}'
    lookups.world.ask(217, {"topic": "A1"}, body)
    assert lookups.stale() == {"A1"}
    lookups.ask_everything()
    lookups.world.ask(216, {"topic": "A1", "clusterName": "c2"})
    assert lookups.stale() == {"A1"}


def test_order_configuration_makes_only_its_topic_stale() -> None:
    lookups = Lookups(order_message_enable=True)
    fields = {"namespace": "ORDER_TOPIC_CONFIG", "key": "A1", "value": "a:4"}
    lookups.world.ask(100, fields)
    assert lookups.stale() == {"A1"}
    lookups.ask_everything()
    lookups.world.ask(100, {**fields, "namespace": "other"})
    lookups.world.ask(102, {**fields, "key": "unknown"})
    assert lookups.stale() == set()
    lookups.world.ask(102, fields)
    assert lookups.stale() == {"A1"}


def test_a_mapping_makes_only_its_topic_stale(lookups: Lookups) -> None:
    tables = lookups.world.tables
    tables.set_mapping("A1", TopicQueueMappingInfo(bname="gone"), 5)
    assert lookups.stale() == {"A1"}
    lookups.ask_everything()
    tables.set_mapping("unknown", TopicQueueMappingInfo(bname="gone"), 6)
    assert lookups.stale() == set()
    tables.set_mapping("A2", TopicQueueMappingInfo(bname=None), 6)
    assert lookups.stale() == {"A2"}
    lookups.ask_everything()
    tables.remove_mappings(None)
    assert lookups.stale() == {"A2"}
    lookups.ask_everything()
    tables.remove_mappings("gone")
    assert lookups.stale() == {"A1"}
    assert tables.topic_queue_mapping_info_table == {}


def test_filter_servers_show_wherever_their_address_does(lookups: Lookups) -> None:
    same_address = A._replace(name="twin")
    lookups.world.register(same_address, registration_body({}, filters=["f:1"]))
    lookups.world.route("A1")
    assert lookups.world.route("A1")["filterServerTable"] == {"a:1": ["f:1"]}
    lookups.world.ask(104, {**A.ext_fields, "brokerName": "unknown"})
    assert lookups.world.route("A1")["filterServerTable"] == {}


# --- no work proportional to the whole table ------------------------------------------


class Counted(dict[str, TopicQueues]):
    """Counts how often somebody looks through all of it."""

    walks = 0

    def __iter__(self) -> Iterator[str]:
        self.walks += 1
        return super().__iter__()

    def keys(self) -> Any:
        self.walks += 1
        return super().keys()

    def values(self) -> Any:
        self.walks += 1
        return super().values()

    def items(self) -> Any:
        self.walks += 1
        return super().items()

    def copy(self) -> Any:
        self.walks += 1
        return super().copy()


def test_no_request_walks_through_all_topics_but_those_that_list_them() -> None:
    world = World(support_acting_master=True, notify_min_broker_id_changed=True)
    table = Counted()
    world.tables.topic_queue_table = table
    acting: dict[str, str | None] = {"enableActingMaster": "true"}
    for broker in (A, B, A_SLAVE):
        world.register(broker, ext=acting)
    world.register(A, registration_body(topic_table("T9"), version=data_version(1)))
    world.register(A, registration_body(topic_table("T9"), version=data_version(1)))
    world.route("T1")
    world.route("unknown")
    world.ask(904, A.ext_fields)
    world.ask(322, A.ext_fields)
    world.ask(205, {"brokerName": "a"})
    world.ask(327, {"brokerName": "a"})
    world.ask(216, {"topic": "T1"})
    world.ask(216, {"topic": "T2", "clusterName": "c1"})
    world.ask(217, {"topic": "N"}, b'{"queueDatas":[{"brokerName":"a"}]}')
    world.ask(106)
    world.ask(304)
    world.ask(100, {"namespace": "ORDER_TOPIC_CONFIG", "key": "T1", "value": "v"})
    world.ask(318, None, b"supportActingMaster=false")
    world.ask(318, None, b"deleteTopicWithBrokerRegistration=true")
    world.register(A, registration_body(topic_table("T9"), version=data_version(2)))
    world.ask(104, A.ext_fields)
    world.close()
    world.run(200_000)
    assert table.walks == 0
    for walks, code in ((1, 206), (1, 224), (2, 311)):
        world.ask(code, {"cluster": "c1"})
        assert table.walks == walks
        world.register(A, registration_body(topic_table(f"T{code}", "T1")))
        world.ask(code, {"cluster": "c1"})
        assert table.walks == walks

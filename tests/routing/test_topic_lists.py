"""Lists of topics are kept, and never longer than they are true."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from namesrv.routing.topic_lists import TopicLists
from tests.routing.peer import (
    Broker,
    data_version,
    registration_body,
    topic_config,
)
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
        said = [self.world.ask(*wanted) for wanted in LISTS]
        self.world.state.topic_lists = TopicLists(self.world.tables)
        assert said == [self.world.ask(*wanted) for wanted in LISTS]


TestLists = Lists.TestCase


def test_a_list_is_written_once() -> None:
    written: list[Any] = []

    def write() -> bytes:
        written.append(1)
        return b"list"

    lists = TopicLists(World().tables)
    assert lists.get("all", write) == lists.get("all", write) == b"list"
    assert len(written) == 1


def test_few_lists_are_kept_whatever_is_asked() -> None:
    world = World()
    for number in range(1000):
        world.ask(224, {"cluster": f"nobody {number}"})
    kept = vars(world.state.topic_lists)["_bodies"]
    assert len(kept) <= 16

"""Topics with the same queues on the same brokers share the body of their route."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from namesrv.routing.answers import queries
from namesrv.testing.peer import (
    Broker,
    data_version,
    mapping_info,
    registration_body,
    request,
    topic_config,
)
from namesrv.work import Steps
from tests.routing.world import World

A = Broker("a", 0, "a:1")
B = Broker("b", 0, "b:1")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The topics whose routes were put together."""
    topics: list[str] = []
    write = queries.pickup_topic_route_data

    def counted(tables: Any, options: Any, entry: Any, form: Any) -> Steps[bytes]:
        topics.append(entry.topic)
        return write(tables, options, entry, form)

    monkeypatch.setattr(queries, "pickup_topic_route_data", counted)
    return topics


def table_of(*names: str, **more: Any) -> dict[str, Any]:
    return {name: topic_config(name, **more) for name in names}


def test_topics_alike_are_written_once(written: list[str]) -> None:
    world = World()
    for broker in (A, B):
        world.register(broker, registration_body(table_of("T1", "T2", "T3")))
    routes = [world.route(topic) for topic in ("T1", "T2", "T3", "T1")]
    assert written == ["T1"]
    assert routes == [routes[0]] * 4
    assert len(routes[0]["brokerDatas"]) == 2
    assert world.tables.route_answers.kept_bytes < 1000


def test_each_dialect_is_written(written: list[str]) -> None:
    world = World()
    world.register(A, registration_body(table_of("T1", "T2")))
    for version, addrs in ((0, b'{0:"a:1"}'), (479, b'{"0":"a:1"}')):
        for topic in ("T1", "T2"):
            body = world.ask(105, {"topic": topic}, version=version).body
            assert addrs in body
    assert written == ["T1", "T1"]


def test_other_queues_or_brokers_are_another_route(written: list[str]) -> None:
    world = World()
    body = registration_body(table_of("T1", "T2") | table_of("T3", queues=9))
    world.register(A, body)
    world.register(B, registration_body(table_of("T2", "T4")))
    for topic in ("T1", "T2", "T3", "T4"):
        world.route(topic)
    assert written == ["T1", "T2", "T3", "T4"]


def test_a_changed_group_is_written_anew(written: list[str]) -> None:
    world = World()
    world.register(A, registration_body(table_of("T1", "T2")))
    world.route("T1")
    slave = Broker("a", 1, "a:2")
    world.register(slave, registration_body(table_of("T1", "T2")))
    assert world.route("T2")["brokerDatas"][0]["brokerAddrs"] == {
        "0": "a:1",
        "1": "a:2",
    }
    body = registration_body(table_of("T1", "T2"), filters=["f:1"])
    world.register(A, body)
    assert world.route("T1")["filterServerTable"] == {"a:1": ["f:1"]}
    assert written == ["T1", "T2", "T1"]


def test_queues_that_changed_are_not_taken_for_old_ones(written: list[str]) -> None:
    world = World()
    for number in range(50):
        table = table_of("T1", "T2", queues=number + 1)
        world.register(A, registration_body(table, version=data_version(number + 1)))
        for topic in ("T1", "T2"):
            (queue_data,) = world.route(topic)["queueDatas"]
            assert queue_data["readQueueNums"] == number + 1
    assert len(written) == 50


def test_what_a_topic_has_for_itself_is_not_shared(written: list[str]) -> None:
    world = World(order_message_enable=True)
    table = table_of("T1", "T2", "T3")
    mappings = {"T2": mapping_info("T2", "a")}
    world.register(A, registration_body(table, mappings=mappings))
    put = {"namespace": "ORDER_TOPIC_CONFIG", "key": "T3", "value": "a:4"}
    world.ask(100, put)
    assert "topicQueueMappingByBroker" not in world.route("T1")
    assert "topicQueueMappingByBroker" in world.route("T2")
    assert world.route("T3")["orderTopicConf"] == "a:4"
    assert "orderTopicConf" not in world.route("T1")
    assert written == ["T1", "T2", "T3"]


def test_acting_masters_are_looked_at_for_each_topic(written: list[str]) -> None:
    world = World(support_acting_master=True)
    acting = {"enableActingMaster": "true"}
    sync = "rmq_sys_SYNC_BROKER_MEMBER_a"
    slave = Broker("a", 1, "a:2")
    world.register(slave, registration_body(table_of("T1", sync)), ext=acting)
    addrs = [world.route(t)["brokerDatas"][0]["brokerAddrs"] for t in ("T1", sync)]
    assert addrs == [{"0": "a:2"}, {"1": "a:2"}]


def test_a_zone_is_looked_at_for_each_client(written: list[str]) -> None:
    world = World()
    for broker, zone in ((A, "z1"), (B, "z2")):
        body = registration_body(table_of("T1", "T2"))
        world.register(broker, body, ext={"__ZONE_NAME": zone})

    def names(**zone: str) -> set[bytes]:
        body = world.ask(105, {"topic": "T1", **zone}).body
        return set(re.findall(b'"brokerName":"(.)"', body))

    assert names() == {b"a", b"b"}
    assert names(__ZONE_MODE="true", __ZONE_NAME="z1") == {b"a"}
    assert names(__ZONE_MODE="true", __ZONE_NAME="z2") == {b"b"}
    assert names() == {b"a", b"b"}


def test_few_bodies_are_kept_whatever_is_registered() -> None:
    world = World(answer_cache_bytes=0)
    for number in range(3000):
        table = table_of("T1", "T2", queues=number + 1)
        world.register(A, registration_body(table, version=data_version(number + 1)))
        world.route("T1")
    kept = vars(world.state.route_bodies)["_bodies"]
    assert 0 < len(kept) <= 256


def in_zone(world: World, topic: str, zone: str) -> list[str]:
    ext_fields = {"topic": topic, "__ZONE_MODE": "true", "__ZONE_NAME": zone}
    body = world.ask(105, ext_fields).body or b""
    broker_datas = body.partition(b'"filterServerTable"')[0].decode()
    return re.findall(r'"brokerName":"(\w+)"', broker_datas)


def test_routes_of_zones_are_written_once_for_each_zone_that_exists(
    written: list[str],
) -> None:
    world = World()
    for broker, zone in ((A, "East"), (B, "West")):
        body = registration_body(table_of("T1", "T2"))
        world.register(broker, body, ext={"__ZONE_NAME": zone})
    for topic in ("T1", "T2"):
        assert in_zone(world, topic, "east") == ["a"]
        assert in_zone(world, topic, "WEST") == ["b"]
        for unknown in ("North", "South", "n1", "n2"):
            assert in_zone(world, topic, unknown) == []
    assert len(written) == 3


def test_zone_that_comes_later_has_its_own_route() -> None:
    world = World()
    world.register(
        A, registration_body(table_of("T1", "T2")), ext={"__ZONE_NAME": "East"}
    )
    assert in_zone(world, "T1", "West") == []
    world.register(
        B, registration_body(table_of("T1", "T2")), ext={"__ZONE_NAME": "West"}
    )
    assert in_zone(world, "T1", "west") == ["b"]
    changed = registration_body(table_of("T1", "T2"), version=data_version(9))
    world.register(B, changed, ext={"__ZONE_NAME": "East"})
    assert in_zone(world, "T1", "west") == []
    assert in_zone(world, "T1", "east") == ["a", "b"]


def test_route_of_many_groups_goes_in_steps_and_is_kept_if_nothing_changed() -> None:
    world = World()
    world.holds_work = True
    for number in range(600):
        body = registration_body(table_of("T1", "T2"))
        world.register(Broker(f"b{number}", 0, f"b{number}:1"), body)
    reader = world.connect()
    lookup = request(105, {"topic": "T1"})
    assert world.send(lookup, reader) == b""
    other = world.connect()
    assert world.send(lookup, other) == b"", "one of them is written at a time"
    while world.state.unfinished:
        world.next_step()
    answer = world.only(world.late_output.pop(reader))
    assert len(answer.json["brokerDatas"]) == 600
    assert world.next_turn(other) == world.send(lookup, world.connect())


class CountedQueues(dict[str, Any]):
    """Queues of a topic that count how often all of them are read."""

    reads = 0

    def values(self) -> Any:
        self.reads += 1
        return super().values()


def test_zone_of_a_topic_on_many_groups_reads_its_queues_once_after_a_change() -> None:
    world = World()
    body = registration_body(table_of("T", "U"))
    for number in range(300):
        world.register(Broker(f"b{number}", addr=f"10.0.0.1:{number}"), body)
    entry = world.tables.topic_queue_table["T"]
    entry.queues = queues = CountedQueues(entry.queues)
    assert in_zone(world, "T", "z") == in_zone(world, "T", "z")
    reads = queues.reads
    for _ in range(50):
        assert len(in_zone(world, "T", "z")) == 0
    assert queues.reads == reads
    world.ask(104, Broker("b7", addr="10.0.0.1:7").ext_fields)
    assert queues.reads == reads
    in_zone(world, "T", "z")
    assert queues.reads > reads


def written_in_steps(world: World, change: Callable[[], object]) -> tuple[Any, Any]:
    """A route of many groups that changes between two steps: the answer, and the next
    one."""
    world.holds_work = True
    for number in range(700):
        # Without a timestamp there is no digest whose loss would count as a change.
        body = registration_body(table_of("T1", "T2"), version={"counter": 1})
        world.register(Broker(f"b{number:03}", 0, f"b{number}:1"), body)
    while world.state.unfinished:
        world.next_step()
    reader = world.connect()
    assert world.send(request(105, {"topic": "T1"}), reader) == b""
    change()
    while world.state.unfinished:
        world.next_step()
    first = world.only(world.late_output.pop(reader)).json
    world.holds_work = False
    return first, world.route("T1")


def test_large_route_is_not_kept_if_its_order_configuration_changed() -> None:
    world = World(order_message_enable=True)
    fields = {"namespace": "ORDER_TOPIC_CONFIG", "key": "T1", "value": "b000:4"}
    _, later = written_in_steps(world, lambda: world.ask(100, fields))
    assert later["orderTopicConf"] == "b000:4"


def test_large_route_is_not_kept_if_an_option_changed() -> None:
    world = World(support_acting_master=True)
    slave = Broker("a-slave", 1, "s:1")
    table = table_of("T1", "T2", perm=4)
    body = registration_body(table, version={"counter": 1})
    world.register(slave, body, ext={"enableActingMaster": "true"})
    off = b"supportActingMaster=false"
    first, later = written_in_steps(world, lambda: world.ask(318, body=off))
    assert addrs_of(first, "a-slave") == {"0": "s:1"}
    assert addrs_of(later, "a-slave") == {"1": "s:1"}


def addrs_of(route: Any, broker_name: str) -> Any:
    (found,) = [b for b in route["brokerDatas"] if b["brokerName"] == broker_name]
    return found["brokerAddrs"]


def test_mapping_in_a_large_route_is_of_the_registration_of_its_queues() -> None:
    world = World()
    first = Broker("b000", 0, "b0:1")

    def change() -> None:
        mappings = {"T1": mapping_info("T1", "b000", 9)}
        body = registration_body(
            table_of("T1", "T2", queues=9), version=data_version(9), mappings=mappings
        )
        world.register(first, body)

    answer, later = written_in_steps(world, change)
    assert "topicQueueMappingByBroker" not in answer
    assert "b000" in later["topicQueueMappingByBroker"]

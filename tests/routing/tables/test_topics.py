"""Deleting and registering topics, and write permission (sections 3.8 and 3.10)."""

from namesrv.routing.outbox import LogEvent, Outbox
from namesrv.routing.tables.topics import (
    add_write_perm_of_broker,
    delete_topic,
    register_topic,
    wipe_write_perm_of_broker,
)
from namesrv.testing.peer import Broker, registration_body, topic_config, topic_table
from namesrv.wire.bodies import QueueData
from namesrv.work import finish
from tests.routing.world import World

A = Broker("a", 0, "a:1", "c1")
B = Broker("b", 0, "b:1", "c2")


def two_groups() -> World:
    """`both` is on both brokers, A1 and B1 on one each."""
    world = World()
    world.register(A, registration_body(topic_table("A1", "both")))
    world.register(B, registration_body(topic_table("B1", "both")))
    return world


def logged(outbox: Outbox) -> list[tuple[str, dict[str, object]]]:
    return [(e.event, e.fields) for e in outbox.take() if isinstance(e, LogEvent)]


def test_a_topic_is_deleted_everywhere() -> None:
    world, outbox = two_groups(), Outbox()
    finish(delete_topic(world.tables, outbox, "both"))
    assert set(world.topics) == {"A1", "B1"}
    assert logged(outbox) == [("topic deleted", {"topic": "both", "brokers": "a,b"})]


def test_deleting_an_unknown_topic_does_nothing() -> None:
    world, outbox = two_groups(), Outbox()
    finish(delete_topic(world.tables, outbox, "unknown"))
    finish(delete_topic(world.tables, outbox, "unknown", "c1"))
    finish(delete_topic(world.tables, outbox, "both", "unknown"))
    finish(delete_topic(world.tables, outbox, "A1", "c2"))
    assert set(world.topics) == {"A1", "B1", "both"}
    assert not outbox


def test_a_topic_is_deleted_in_one_cluster() -> None:
    world, outbox = two_groups(), Outbox()
    finish(delete_topic(world.tables, outbox, "both", "c1"))
    assert world.topics["both"] == {"b": 6}
    finish(delete_topic(world.tables, outbox, "both", "c2"))
    assert "both" not in world.topics
    assert [fields["cluster"] for _, fields in logged(outbox)] == ["c1", "c2"]


def test_mappings_stay_when_a_topic_is_deleted() -> None:
    world = two_groups()
    world.tables.topic_queue_mapping_info_table["both"] = {}
    finish(delete_topic(world.tables, Outbox(), "both"))
    assert "both" in world.tables.topic_queue_mapping_info_table


def test_a_new_topic_needs_only_known_brokers() -> None:
    world = two_groups()
    queues = [QueueData("a", 6, 1, 2, 3), QueueData("b", 4)]
    finish(register_topic(world.tables, Outbox(), "N", queues))
    assert world.tables.topic_queue_table["N"].queues == {
        "a": queues[0],
        "b": queues[1],
    }
    for queue_datas in ([queues[0], QueueData("x")], [QueueData(None)], [None]):
        finish(register_topic(world.tables, Outbox(), "M", queue_datas))
        assert "M" not in world.topics


def test_a_known_topic_takes_what_comes_before_an_unknown_broker() -> None:
    world = two_groups()
    queues = [QueueData("b", 4), QueueData("x", 4), QueueData("a", 0)]
    finish(register_topic(world.tables, Outbox(), "A1", queues))
    assert world.topics["A1"] == {"a": 6, "b": 4}
    finish(register_topic(world.tables, Outbox(), "A1", [None, QueueData("a", 0)]))
    assert world.topics["A1"] == {"a": 6, "b": 4}


def test_the_last_of_two_entries_of_a_broker_wins() -> None:
    world = two_groups()
    finish(
        register_topic(
            world.tables, Outbox(), "N", [QueueData("a", 1), QueueData("a", 2)]
        )
    )
    assert world.topics["N"] == {"a": 2}


def test_wiping_makes_a_broker_read_only_and_counts_its_topics() -> None:
    world = World()
    table = {
        name: topic_config(name, perm=perm)
        for name, perm in (("P6", 6), ("P7", 7), ("P4", 4), ("P2", 2))
    }
    world.register(A, registration_body(table))
    world.register(B, registration_body(topic_table("P6", "other")))
    assert finish(wipe_write_perm_of_broker(world.tables, "a")) == 4
    perms = {topic: queues.get("a") for topic, queues in world.topics.items()}
    assert perms == {"P6": 4, "P7": 5, "P4": 4, "P2": 0, "other": None}
    assert world.topics["P6"]["b"] == 6
    assert finish(wipe_write_perm_of_broker(world.tables, "a")) == 4


def test_adding_makes_the_permission_exactly_read_and_write() -> None:
    world = World()
    table = {
        name: topic_config(name, perm=perm) for name, perm in (("P7", 7), ("P0", 0))
    }
    world.register(A, registration_body(table))
    assert finish(add_write_perm_of_broker(world.tables, "a")) == 2
    assert world.topics == {"P7": {"a": 6}, "P0": {"a": 6}}


def test_an_unknown_broker_has_no_topics() -> None:
    world = two_groups()
    assert finish(wipe_write_perm_of_broker(world.tables, "unknown")) == 0
    assert finish(add_write_perm_of_broker(world.tables, "unknown")) == 0


def test_other_numbers_of_a_queue_survive() -> None:
    world = World()
    config = {**topic_config("T", queues=3, flag=1), "writeQueueNums": 5}
    world.register(A, registration_body({"T": config, "U": topic_config("U")}))
    finish(wipe_write_perm_of_broker(world.tables, "a"))
    queue_data = world.tables.topic_queue_table["T"].queues["a"]
    assert queue_data == QueueData("a", 4, 3, 1, 5)

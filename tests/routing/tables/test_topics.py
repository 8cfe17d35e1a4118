"""Deleting and registering topics, and write permission (sections 3.8 and 3.10)."""

from typing import Any

from namesrv.routing.events import (
    Cause,
    CauseKind,
    Event,
    PermissionChanged,
    TopicAdded,
    TopicChanged,
    TopicRemoved,
)
from namesrv.routing.tables import topics
from namesrv.testing.peer import Broker, registration_body, topic_config, topic_table
from namesrv.wire.bodies import QueueData
from namesrv.work import finish
from tests.routing.world import WALL_MILLIS, World

A = Broker("a", 0, "a:1", "c1")
B = Broker("b", 0, "b:1", "c2")


def two_groups() -> World:
    """`both` is on both brokers, A1 and B1 on one each."""
    world = World()
    world.register(A, registration_body(topic_table("A1", "both")))
    world.register(B, registration_body(topic_table("B1", "both")))
    return world


CAUSE = Cause(CauseKind.REQUEST)


def changes_of(world: World) -> list[Event]:
    """The events since the last call."""
    world.flush()
    found = world.changes.copy()
    world.changes.clear()
    return found


def delete_topic(world: World, topic: str, cluster: str | None = None) -> list[Event]:
    """Delete a topic; the events."""
    changes_of(world)
    tables, events = world.tables, world.state.events
    finish(topics.delete_topic(tables, events, CAUSE, topic, cluster))
    return changes_of(world)


def register_topic(world: World, topic: str, queue_datas: Any) -> list[Event]:
    """Register a topic; the events."""
    changes_of(world)
    tables, events = world.tables, world.state.events
    finish(topics.register_topic(tables, events, CAUSE, topic, queue_datas))
    return changes_of(world)


def change_perm(world: World, name: str, *, is_writable: bool) -> int:
    """Change the write permission of a broker; the number of its topics."""
    tables, events = world.tables, world.state.events
    return finish(
        topics.change_write_perm(tables, events, CAUSE, name, is_writable=is_writable)
    )


def test_topic_is_deleted_everywhere() -> None:
    world = two_groups()
    assert delete_topic(world, "both") == [
        TopicRemoved(WALL_MILLIS, CAUSE, "both", ["a", "b"], None)
    ]
    assert set(world.topics) == {"A1", "B1"}


def test_deletion_of_an_unknown_topic_changes_nothing() -> None:
    world = two_groups()
    for topic, cluster in (
        ("unknown", None),
        ("unknown", "c1"),
        ("both", "unknown"),
        ("A1", "c2"),
    ):
        assert delete_topic(world, topic, cluster) == []
    assert set(world.topics) == {"A1", "B1", "both"}


def test_topic_is_deleted_in_one_cluster() -> None:
    world = two_groups()
    assert delete_topic(world, "both", "c1") == [
        TopicRemoved(WALL_MILLIS, CAUSE, "both", ["a"], "c1")
    ]
    assert world.topics["both"] == {"b": 6}
    assert len(delete_topic(world, "both", "c2")) == 1
    assert "both" not in world.topics


def test_mappings_stay_when_a_topic_is_deleted() -> None:
    world = two_groups()
    world.tables.topic_queue_mapping_info_table["both"] = {}
    delete_topic(world, "both")
    assert "both" in world.tables.topic_queue_mapping_info_table


def test_a_new_topic_needs_only_known_brokers() -> None:
    world = two_groups()
    queues = [QueueData("a", 6, 1, 2, 3), QueueData("b", 4)]
    register_topic(world, "N", queues)
    assert world.tables.topic_queue_table["N"].queues == {
        "a": queues[0],
        "b": queues[1],
    }
    for queue_datas in ([queues[0], QueueData("x")], [QueueData(None)], [None]):
        register_topic(world, "M", queue_datas)
        assert "M" not in world.topics


def test_a_topic_gets_its_brokers_at_once() -> None:
    world = World()
    names = [f"b{number}" for number in range(60)]
    for name in names:
        body = registration_body(topic_table("T"))
        world.register(Broker(name, 0, f"{name}:1", "c"), body)
    for topic in ("T", "N"):
        queues = [QueueData(name, 4) for name in names]
        steps = topics.register_topic(
            world.tables, world.state.events, CAUSE, topic, queues
        )
        assert next(steps) >= len(names)
        assert world.topics[topic] == dict.fromkeys(names, 4)
        finish(steps)


def test_a_known_topic_takes_what_comes_before_an_unknown_broker() -> None:
    world = two_groups()
    queues = [QueueData("b", 4), QueueData("x", 4), QueueData("a", 0)]
    assert register_topic(world, "A1", queues) == [
        TopicChanged(WALL_MILLIS, CAUSE, "A1", ["b"], ["b"])
    ]
    assert world.topics["A1"] == {"a": 6, "b": 4}
    register_topic(world, "A1", [None, QueueData("a", 0)])
    assert world.topics["A1"] == {"a": 6, "b": 4}


def test_the_last_of_two_entries_of_a_broker_wins() -> None:
    world = two_groups()
    (event,) = register_topic(world, "N", [QueueData("a", 1), QueueData("a", 2)])
    assert event == TopicAdded(WALL_MILLIS, CAUSE, "N", ["a"])
    assert world.topics["N"] == {"a": 2}


def test_wiping_makes_a_broker_read_only_and_counts_its_topics() -> None:
    world = World()
    table = {
        name: topic_config(name, perm=perm)
        for name, perm in (("P6", 6), ("P7", 7), ("P4", 4), ("P2", 2))
    }
    world.register(A, registration_body(table))
    world.register(B, registration_body(topic_table("P6", "other")))
    assert change_perm(world, "a", is_writable=False) == 4
    perms = {topic: queues.get("a") for topic, queues in world.topics.items()}
    assert perms == {"P6": 4, "P7": 5, "P4": 4, "P2": 0, "other": None}
    assert world.topics["P6"]["b"] == 6
    *_, event = changes_of(world)
    topics_of = ["P6", "P7", "P2"]
    assert event == PermissionChanged(WALL_MILLIS, CAUSE, "a", False, topics_of)
    assert change_perm(world, "a", is_writable=False) == 4
    assert changes_of(world) == []


def test_adding_makes_the_permission_exactly_read_and_write() -> None:
    world = World()
    table = {
        name: topic_config(name, perm=perm) for name, perm in (("P7", 7), ("P0", 0))
    }
    world.register(A, registration_body(table))
    assert change_perm(world, "a", is_writable=True) == 2
    assert world.topics == {"P7": {"a": 6}, "P0": {"a": 6}}


def test_an_unknown_broker_has_no_topics() -> None:
    world = two_groups()
    assert change_perm(world, "unknown", is_writable=False) == 0
    assert change_perm(world, "unknown", is_writable=True) == 0


def test_other_numbers_of_a_queue_survive() -> None:
    world = World()
    config = {**topic_config("T", queues=3, flag=1), "writeQueueNums": 5}
    world.register(A, registration_body({"T": config, "U": topic_config("U")}))
    change_perm(world, "a", is_writable=False)
    queue_data = world.tables.topic_queue_table["T"].queues["a"]
    assert queue_data == QueueData("a", 4, 3, 1, 5)

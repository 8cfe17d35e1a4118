"""Lines of the log about topics that a registration brought, changed and took."""

import logging
from typing import Any

import pytest

from namesrv.routing.outbox import LogEvent
from namesrv.routing.tables.topic_change_log import MOST_NAMES
from namesrv.testing.peer import (
    Broker,
    data_version,
    mapping_info,
    registration_body,
    topic_config,
    topic_table,
)
from tests.routing.world import World

EVENT = "topics of a broker changed"
NAMES = "topics that a broker added or changed"


def told(world: World, event: str) -> list[LogEvent]:
    return [line for line in world.events if line.event == event]


def counts(world: World) -> list[tuple[Any, ...]]:
    """added, changed, removed, mapped of each line."""
    names = ("added", "changed", "removed", "mapped")
    return [tuple(line.fields[n] for n in names) for line in told(world, EVENT)]


def register(world: World, counter: int, topics: Any, **more: Any) -> None:
    body = registration_body(topics, version=data_version(counter), **more)
    world.register(body=body)


def test_each_registration_has_one_line_with_counts() -> None:
    world = World(delete_topic_with_broker_registration=True)
    register(world, 1, topic_table("T1", "T2", "T3"))
    register(world, 2, {**topic_table("T1", "T4"), "T2": topic_config("T2", 8)})
    assert counts(world) == [(3, 0, 0, 0), (1, 1, 1, 0)]
    (first, _) = told(world, EVENT)
    assert first.level == logging.INFO
    assert first.fields["broker"] == "broker-a"
    assert first.fields["address"] == Broker().addr
    assert not told(world, NAMES)


@pytest.mark.parametrize("access", ["open", "signed"])
def test_unchanged_ones_have_none(access: str) -> None:
    world = World()
    for counter in (1, 1, 2):
        register(world, counter, topic_table("T1", "T2"))
    assert counts(world) == [(2, 0, 0, 0)]


def test_mappings_are_counted() -> None:
    world = World()
    mapping = {"T1": mapping_info("T1", "broker-a")}
    register(world, 1, topic_table("T1", "T2"), mappings=mapping)
    register(world, 2, topic_table("T1", "T2"), mappings=mapping)
    assert counts(world) == [(2, 0, 0, 1)]


def test_names_are_told_at_debug() -> None:
    world = World(log_level="DEBUG")
    register(world, 1, topic_table("T1", "T2"))
    register(world, 2, {**topic_table("T1", "T3"), "T2": topic_config("T2", 8)})
    lines = told(world, NAMES)
    assert [line.level for line in lines] == [logging.DEBUG] * 2
    assert [line.fields["topics"] for line in lines] == [["T1", "T2"], ["T3", "T2"]]
    assert [line.fields["more"] for line in lines] == [0, 0]


def test_names_are_bounded() -> None:
    world = World(log_level="DEBUG")
    register(world, 1, topic_table(*map(str, range(MOST_NAMES + 7))))
    (line,) = told(world, NAMES)
    assert line.fields["topics"] == [str(number) for number in range(MOST_NAMES)]
    assert line.fields["more"] == 7

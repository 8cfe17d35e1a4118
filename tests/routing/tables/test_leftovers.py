"""What refused, broken and wrong requests leave behind goes in time."""

import pytest

from namesrv.routing.brokers.stalls import GRACE_MILLIS
from namesrv.testing.peer import (
    Broker,
    data_version,
    mapping_info,
    registration_body,
    topic_table,
)
from namesrv.work import finish
from tests.routing.work import steps_of
from tests.routing.world import World

MASTER = Broker("b", 0, "m:1")
SLAVE = Broker("b", 1, "s1:1")
OTHER = Broker("o", 0, "o:1")
SCAN_MILLIS = 5000
TIMEOUT_MILLIS = 120_000
DAY_MILLIS = 86_400_000


@pytest.fixture
def ticking(world: World) -> World:
    """A server that has begun to tick."""
    world.tick()
    return world


def test_a_group_without_addresses_goes(ticking: World) -> None:
    ticking.register(MASTER, registration_body(topic_table("T1")))
    assert ticking.addrs == {"b": {}}
    ticking.run(TIMEOUT_MILLIS - SCAN_MILLIS)
    assert ticking.addrs == {"b": {}}
    ticking.run(3 * SCAN_MILLIS)
    assert ticking.addrs == {}
    ticking.run(TIMEOUT_MILLIS + 2 * SCAN_MILLIS)
    assert ticking.tables.cluster_addr_table == {}


def test_a_group_that_fills_in_time_stays(ticking: World) -> None:
    ticking.register(MASTER, registration_body(topic_table("T1")))
    ticking.run(TIMEOUT_MILLIS - SCAN_MILLIS)
    for _ in range(6):
        ticking.register(MASTER)
        ticking.run(60_000)
    assert ticking.addrs == {"b": {0: "m:1"}}
    assert ticking.tables.cluster_addr_table == {"c1": {"b"}}


def test_names_without_a_group_leave_their_cluster(ticking: World) -> None:
    ticking.register(MASTER, ext={"brokerName": None})
    ticking.register(OTHER)
    ticking.ask(104, {**OTHER.ext_fields, "clusterName": "wrong"})
    assert ticking.tables.cluster_addr_table == {"c1": {None, "o"}}
    ticking.run(TIMEOUT_MILLIS + 2 * SCAN_MILLIS)
    assert ticking.tables.cluster_addr_table == {}


def test_addresses_that_nobody_keeps_alive_go(ticking: World) -> None:
    ticking.register(MASTER, ext={"brokerAddr": None})
    ticking.register(SLAVE)
    assert ticking.addrs == {"b": {0: None, 1: "s1:1"}}
    for _ in range(5):
        ticking.run(30_000)
        ticking.ask(904, SLAVE.ext_fields)
    assert ticking.addrs == {"b": {1: "s1:1"}}
    assert set(ticking.topics) == {"T1", "T2"}


def test_a_slave_left_without_a_dead_master_brings_its_topics(ticking: World) -> None:
    """The lowest id changes without any request, and an unchanged registration counts
    once more."""
    ticking.register(MASTER, ext={"brokerAddr": None})
    body = registration_body(topic_table("T3", "T4"))
    for _ in range(6):
        ticking.register(SLAVE, body)
        ticking.run(30_000)
    assert set(ticking.topics) == {"T1", "T2", "T3", "T4"}


def test_a_group_that_lost_its_live_entry_goes(ticking: World) -> None:
    ticking.register(MASTER)
    ticking.ask(104, {**MASTER.ext_fields, "brokerName": "unknown"})
    assert ticking.addrs == {"b": {0: "m:1"}}
    ticking.run(TIMEOUT_MILLIS + 2 * SCAN_MILLIS)
    assert ticking.addrs == {} and ticking.topics == {}


def test_nothing_piles_up(ticking: World) -> None:
    for number in range(50):
        broker = Broker(f"b{number}", 0, f"m{number}:1", f"c{number}")
        ticking.register(broker, registration_body(topic_table("T1")))
        ticking.register(broker, ext={"brokerName": None})
    ticking.run(3 * TIMEOUT_MILLIS)
    assert ticking.addrs == {} and ticking.tables.cluster_addr_table == {}
    assert len(ticking.tables.leftovers) == 0


def mapped(name: str = "b") -> bytes:
    return registration_body(mappings={"st": mapping_info("st", name)})


def pass_a_day(world: World) -> None:
    world.now_ms += DAY_MILLIS
    world.run(GRACE_MILLIS + SCAN_MILLIS)


def test_mappings_stay_for_a_day_after_their_group(ticking: World) -> None:
    mappings = ticking.tables.topic_queue_mapping_info_table
    ticking.register(MASTER, mapped())
    ticking.ask(104, MASTER.ext_fields)
    ticking.run(3 * TIMEOUT_MILLIS)
    assert list(mappings) == ["st"]
    pass_a_day(ticking)
    assert mappings == {}
    assert ticking.tables.gone_since == {} and ticking.tables.mapped_topics == {}


def test_mappings_of_a_group_that_came_back_stay(ticking: World) -> None:
    ticking.register(MASTER, mapped())
    ticking.ask(104, MASTER.ext_fields)
    ticking.run(60_000)
    ticking.register(MASTER)
    pass_a_day(ticking)
    assert list(ticking.tables.topic_queue_mapping_info_table) == ["st"]


def test_mappings_of_a_group_that_was_never_there_go_too(ticking: World) -> None:
    ticking.register(MASTER, mapped("never"))
    body = registration_body(
        mappings={"st": mapping_info("st", "b")}, version=data_version(1)
    )
    ticking.register(MASTER, body)
    mappings = ticking.tables.topic_queue_mapping_info_table
    assert set(mappings["st"]) == {"never", "b"}
    pass_a_day(ticking)
    assert set(mappings["st"]) == {"b"}


def test_a_route_shows_a_mapping_until_it_goes(ticking: World) -> None:
    table = {**topic_table("st", "T2")}
    body = registration_body(table, mappings={"st": mapping_info("st", "gone")})
    ticking.register(MASTER, body)
    assert "topicQueueMappingByBroker" in ticking.route("st")
    pass_a_day(ticking)
    assert "topicQueueMappingByBroker" not in ticking.route("st")


# --- work -----------------------------------------------------------------------------


@pytest.mark.parametrize("left_over", [False, True])
def test_a_scan_looks_at_no_group_that_did_not_change(left_over: bool) -> None:
    """Whether or not something of it is left over."""
    body = registration_body(topic_table("T1") if left_over else topic_table("A", "B"))

    def scan(groups: int) -> int:
        world = World()
        for number in range(groups):
            world.register(Broker(f"b{number}", 0, f"b{number}:1"), body)
        world.tick()
        liveness, now_ms = world.liveness, world.now_ms + SCAN_MILLIS
        assert len(world.tables.leftovers) == (groups if left_over else 0)
        return steps_of(lambda: finish(liveness._clear_leftovers(now_ms, now_ms)))

    assert scan(200) == scan(20)


def test_what_is_settled_and_left_over_again_begins_anew(ticking: World) -> None:
    ticking.register(MASTER)
    ticking.ask(104, {**MASTER.ext_fields, "brokerName": "unknown"})
    ticking.run(TIMEOUT_MILLIS - SCAN_MILLIS)
    ticking.register(MASTER)
    assert len(ticking.tables.leftovers) == 0
    ticking.ask(104, {**MASTER.ext_fields, "brokerName": "unknown"})
    ticking.run(TIMEOUT_MILLIS - SCAN_MILLIS)
    assert ticking.addrs == {"b": {0: "m:1"}}
    ticking.run(3 * SCAN_MILLIS)
    assert ticking.addrs == {}

"""Slaves: what they hear, and when their topics count (section 3.3, 9 to 13)."""

from namesrv.testing.peer import (
    Broker,
    data_version,
    registration_body,
    topic_table,
)
from tests.routing.world import World

MASTER = Broker("b", 0, "m:1")
SLAVE = Broker("b", 1, "s1:1")
SECOND = Broker("b", 2, "s2:1")
ACTING: dict[str, str | None] = {"enableActingMaster": "true"}
OLD: dict[str, str | None] = {"enableActingMaster": None}


def newer(counter: int, *names: str, state_version: int = 0, **topic: int) -> bytes:
    """A body with another DataVersion."""
    version = data_version(counter, state_version=state_version)
    return registration_body(topic_table(*names, **topic), version=version)


def test_a_slave_hears_of_its_master(world: World) -> None:
    world.register(MASTER)
    answer = world.register(SLAVE)
    assert answer.ext_fields == {"haServerAddr": "m:1-ha", "masterAddr": "m:1"}
    assert list(answer.ext_fields) == ["haServerAddr", "masterAddr"]
    assert world.register(MASTER).ext_fields == {}


def test_a_master_without_an_ha_address(world: World) -> None:
    world.register(MASTER, ext={"haServerAddr": None})
    assert world.register(SLAVE).ext_fields == {"masterAddr": "m:1"}


def test_a_slave_without_a_live_master_hears_nothing(world: World) -> None:
    assert world.register(SLAVE).ext_fields == {}
    world.register(MASTER)
    world.live.remove("c1", "m:1")
    assert world.register(SLAVE).ext_fields == {}


def test_a_slave_beside_its_master_touches_no_topic(world: World) -> None:
    world.register(MASTER)
    world.register(SLAVE, newer(9, "T1", "T3", queues=9))
    assert set(world.topics) == {"T1", "T2"}
    assert world.tables.topic_queue_table["T1"].queues["b"].read_queue_nums == 4
    assert world.live_keys == {("c1", "m:1"), ("c1", "s1:1")}


def test_a_prime_slave_brings_its_topics(world: World) -> None:
    world.register(SECOND)
    assert world.topics == {"T1": {"b": 6}, "T2": {"b": 6}}
    world.register(SLAVE, newer(1, "T3", "T4"))
    assert set(world.topics) == {"T1", "T2", "T3", "T4"}
    world.register(SECOND, newer(2, "T5", "T6"))
    assert "T5" not in world.topics, "it is not the lowest any more"


def test_a_prime_slave_of_an_acting_group_is_read_only(world: World) -> None:
    table = {**topic_table("T1", perm=7), **topic_table("T2", perm=4)}
    world.register(SLAVE, registration_body(table), ext=ACTING)
    assert world.topics == {"T1": {"b": 5}, "T2": {"b": 4}}


def test_a_master_of_an_acting_group_is_writable(world: World) -> None:
    world.register(MASTER, ext=ACTING)
    assert world.topics["T1"] == {"b": 6}


def test_an_old_slave_never_touches_topics(world: World) -> None:
    world.register(SLAVE, ext=OLD)
    assert world.topics == {}
    assert world.addrs == {"b": {1: "s1:1"}}


def test_flag_and_zone_are_those_of_the_last_registration(world: World) -> None:
    world.register(MASTER, ext={**ACTING, "__ZONE_NAME": "z"})
    data = world.tables.broker_addr_table["b"]
    assert (data.enable_acting_master, data.zone_name) == (True, "z")
    world.register(SLAVE)
    assert (data.enable_acting_master, data.zone_name) == (False, None)
    world.register(SLAVE, ext={**OLD, "__ZONE_NAME": ""})
    assert (data.enable_acting_master, data.zone_name) == (False, "")

"""UNREGISTER_BROKER (section 3.4), and who may no longer send it."""

from typing import Any

import pytest

from namesrv.testing.peer import (
    Broker,
    data_version,
    registration_body,
    topic_table,
)
from tests.routing.world import World

MASTER = Broker("b", 0, "m:1")
SLAVE = Broker("b", 1, "s1:1")
OTHER = Broker("o", 0, "o:1")
MOVED = Broker("b", 0, "m:1", "c2")
ACTING: dict[str, str | None] = {"enableActingMaster": "true"}


def unregister(world: World, broker: Broker, **changes: Any) -> None:
    fields = {**broker.ext_fields, **changes}
    answer = world.ask(104, {n: v for n, v in fields.items() if v is not None})
    assert (answer.code, answer.remark) == (0, None)
    assert answer.ext_fields is None and answer.body == b""


def test_the_last_broker_takes_everything_along(world: World) -> None:
    world.register(MASTER, registration_body(filters=["f:1"]))
    unregister(world, MASTER)
    assert world.addrs == {} and world.topics == {} and len(world.live) == 0
    assert world.tables.cluster_addr_table == {}
    assert world.tables.filter_server_table == {}
    assert world.route("T1") is None
    assert world.event("broker unregistered") == {
        "cluster": "c1",
        "broker": "b",
        "address": "m:1",
        "ids": "0",
        "was_live": True,
    }


def test_others_keep_what_is_theirs(world: World) -> None:
    world.register(MASTER)
    world.register(OTHER, registration_body(topic_table("T1", "O")))
    unregister(world, MASTER)
    assert world.topics == {"T1": {"o": 6}, "O": {"o": 6}}
    assert world.tables.cluster_addr_table == {"c1": {"o"}}


def test_a_slave_leaves_its_group(world: World) -> None:
    world.register(MASTER)
    world.register(SLAVE)
    unregister(world, SLAVE)
    assert world.addrs == {"b": {0: "m:1"}}
    assert world.topics["T1"] == {"b": 6}


def test_a_master_leaves_its_group_writable_unless_it_is_acting(world: World) -> None:
    world.register(MASTER)
    world.register(SLAVE)
    unregister(world, MASTER)
    assert world.addrs == {"b": {1: "s1:1"}}
    assert world.topics["T1"] == {"b": 6}


def test_an_acting_group_without_a_master_is_read_only(world: World) -> None:
    for broker in (MASTER, SLAVE):
        world.register(broker, ext=ACTING)
    unregister(world, SLAVE)
    assert world.topics["T1"] == {"b": 6}
    world.register(SLAVE, ext=ACTING)
    unregister(world, MASTER)
    assert world.topics == {"T1": {"b": 4}, "T2": {"b": 4}}


def test_removal_is_by_address_whatever_the_id(world: World) -> None:
    world.register(MASTER)
    world.register(SLAVE)
    unregister(world, MASTER, brokerId="7")
    assert world.addrs == {"b": {1: "s1:1"}}
    assert world.event("broker unregistered")["ids"] == "0"


def test_an_unknown_address_leaves_the_group_alone(world: World) -> None:
    world.register(MASTER)
    unregister(world, MASTER, brokerAddr="unknown")
    assert world.addrs == {"b": {0: "m:1"}}
    assert world.topics["T1"] == {"b": 6}
    assert "broker unregistered" not in [event.event for event in world.events]


def test_an_unknown_name_takes_only_the_live_entry(world: World) -> None:
    world.register(MASTER, registration_body(filters=["f:1"]))
    unregister(world, MASTER, brokerName="unknown")
    assert world.addrs == {"b": {0: "m:1"}}
    assert len(world.live) == 0 and world.tables.filter_server_table == {}
    told = world.event("broker unregistered")
    assert (told["broker"], told["ids"], told["was_live"]) == ("unknown", "", True)


def test_the_cluster_of_the_request_is_left(world: World) -> None:
    world.register(MASTER)
    unregister(world, MASTER, clusterName="wrong")
    assert world.addrs == {} and world.topics == {}
    assert world.tables.cluster_addr_table == {"c1": {"b"}}
    assert world.live_keys == {("c1", "m:1")}
    assert world.ask(106).json["clusterAddrTable"] == {"c1": ["b"]}


@pytest.mark.parametrize("missing", ["clusterName", "brokerName", "brokerAddr"])
def test_who_is_not_named_does_nothing(world: World, missing: str) -> None:
    world.register(MASTER)
    unregister(world, MASTER, **{missing: None})
    assert world.addrs == {"b": {0: "m:1"}} and len(world.live) == 1


@pytest.mark.parametrize("broker_id", [None, "x"])
def test_without_an_id_only_the_live_entry_goes(
    world: World, broker_id: str | None
) -> None:
    world.register(MASTER)
    unregister(world, MASTER, brokerId=broker_id)
    assert world.addrs == {"b": {0: "m:1"}} and len(world.live) == 0


def test_no_ext_fields_at_all(world: World) -> None:
    world.register(MASTER)
    assert world.ask(104).code == 0
    assert len(world.live) == 1


def test_a_group_without_addresses_goes_with_any_unregistration(world: World) -> None:
    world.register(MASTER, registration_body(topic_table("T1")))
    assert world.addrs == {"b": {}}
    unregister(world, MASTER)
    assert world.addrs == {} and world.tables.cluster_addr_table == {}


def test_it_is_carried_out_before_it_is_answered(world: World) -> None:
    world.register(MASTER)
    unregister(world, MASTER)
    assert world.route("T1") is None
    world.register(MASTER)
    assert world.route("T1") is not None


# --- fencing (P1) ---------------------------------------------------------------------


def test_a_late_unregistration_of_a_superseded_connection_is_ignored(
    world: World,
) -> None:
    old, new = world.connect("old:1"), world.connect("new:1")
    world.register(MASTER, connection=old)
    world.register(MASTER, connection=new)
    assert world.ask(104, MASTER.ext_fields, connection=old).code == 0
    assert world.addrs == {"b": {0: "m:1"}} and len(world.live) == 1
    event = world.event(
        "late unregistration ignored, the broker registered again elsewhere"
    )
    assert event["remote"] == "old:1"
    world.ask(104, MASTER.ext_fields, connection=new)
    assert world.addrs == {}


def test_a_superseded_connection_may_register_and_unregister_again(
    world: World,
) -> None:
    old, new = world.connect(), world.connect()
    for connection in (old, new, old):
        world.register(MASTER, connection=connection)
    world.ask(104, MASTER.ext_fields, connection=new)
    assert world.addrs == {"b": {0: "m:1"}}
    world.ask(104, MASTER.ext_fields, connection=old)
    assert world.addrs == {}


def test_a_connection_that_never_registered_the_broker_may_unregister_it(
    world: World,
) -> None:
    world.register(MASTER, connection=world.connect())
    world.ask(104, MASTER.ext_fields, connection=world.connect())
    assert world.addrs == {}


def test_only_the_broker_in_question_is_superseded(world: World) -> None:
    old, new = world.connect(), world.connect()
    world.register(MASTER, connection=old)
    world.register(OTHER, connection=old)
    world.register(MASTER, connection=new)
    world.ask(104, OTHER.ext_fields, connection=old)
    assert world.addrs == {"b": {0: "m:1"}}


def test_an_unchanged_registration_supersedes_too(world: World) -> None:
    old, new = world.connect(), world.connect()
    world.register(MASTER, connection=old)
    cold_calls = world.processor.cold_calls
    world.register(MASTER, connection=new)
    assert world.processor.cold_calls == cold_calls
    world.ask(104, MASTER.ext_fields, connection=old)
    assert len(world.live) == 1


def test_an_older_registration_in_another_cluster_takes_nothing_along(
    world: World,
) -> None:
    old, new = world.connect(), world.connect()
    world.register(MASTER, registration_body(filters=["f:1"]), connection=old)
    world.register(MOVED, registration_body(filters=["f:2"]), connection=new)
    assert world.tables.cluster_addr_table == {"c1": {"b"}, "c2": {"b"}}
    for _ in range(2):
        world.ask(104, MASTER.ext_fields, connection=old)
        assert world.addrs == {"b": {0: "m:1"}}
        assert world.live_keys == {("c2", "m:1")}
    assert world.tables.cluster_addr_table == {"c2": {"b"}}
    assert world.tables.broker_addr_table["b"].cluster == "c2"
    assert world.route("T1")["filterServerTable"] == {"m:1": ["f:2"]}
    assert world.ask(224, {"cluster": "c1"}).json == {"topicList": []}
    world.ask(104, MOVED.ext_fields, connection=new)
    assert world.addrs == {} and world.tables.cluster_addr_table == {}


def test_the_newer_of_two_clusters_may_be_left_first(world: World) -> None:
    old, new = world.connect(), world.connect()
    world.register(MASTER, connection=old)
    world.register(MOVED, connection=new)
    world.ask(104, MOVED.ext_fields, connection=new)
    assert world.addrs == {"b": {0: "m:1"}} and world.live_keys == {("c1", "m:1")}
    assert world.tables.cluster_addr_table == {"c1": {"b"}}
    assert world.tables.broker_addr_table["b"].cluster == "c1"


def test_a_cluster_is_not_left_while_others_of_the_group_live_there(
    world: World,
) -> None:
    old, new = world.connect(), world.connect()
    world.register(MASTER, connection=old)
    world.register(SLAVE, connection=old)
    world.register(MOVED, connection=new)
    world.ask(104, MASTER.ext_fields, connection=old)
    assert world.addrs == {"b": {0: "m:1", 1: "s1:1"}}
    assert world.tables.cluster_addr_table == {"c1": {"b"}, "c2": {"b"}}
    assert world.tables.broker_addr_table["b"].cluster == "c1"


def test_a_cluster_that_nobody_registered_is_no_way_to_remove_another_peers_broker(
    world: World,
) -> None:
    world.register(MASTER, connection=world.connect())
    stranger = world.connect()
    world.ask(104, {**MASTER.ext_fields, "clusterName": "wrong"}, connection=stranger)
    assert world.addrs == {"b": {0: "m:1"}} and len(world.live) == 1


def test_an_old_name_of_an_address_takes_only_its_own_group_along(
    world: World,
) -> None:
    old, new = world.connect(), world.connect()
    world.register(MASTER, connection=old)
    renamed = Broker("o", 0, "m:1")
    body = registration_body(filters=["f:1"])
    world.register(renamed, body, connection=new)
    assert world.addrs == {"b": {0: "m:1"}, "o": {0: "m:1"}}
    world.ask(104, MASTER.ext_fields, connection=old)
    assert world.addrs == {"o": {0: "m:1"}} and world.live_keys == {("c1", "m:1")}
    assert world.tables.filter_server_table == {("c1", "m:1"): ["f:1"]}
    info = world.live.get("c1", "m:1")
    assert info is not None and info.broker_name == "o"


def test_brokers_that_exchanged_their_addresses_are_told_apart(world: World) -> None:
    first, second = world.connect(), world.connect()
    world.register(MASTER, connection=first)
    world.register(OTHER, connection=second)
    new_first, new_second = world.connect(), world.connect()
    world.register(Broker("b", 0, "o:1"), connection=new_first)
    world.register(Broker("o", 0, "m:1"), connection=new_second)
    world.ask(104, MASTER.ext_fields, connection=first)
    world.ask(104, OTHER.ext_fields, connection=second)
    world.close(first)
    world.close(second)
    assert world.addrs == {"b": {0: "o:1"}, "o": {0: "m:1"}}
    assert world.live_keys == {("c1", "o:1"), ("c1", "m:1")}


def test_a_rejected_registration_leaves_another_group_at_its_address_alone(
    world: World,
) -> None:
    world.register(MASTER, registration_body(version=data_version(state_version=2)))
    world.register(OTHER, connection=world.connect())
    stray = Broker("b", 0, "o:1")
    body = registration_body(version=data_version(state_version=1))
    world.register(stray, body, connection=world.connect())
    assert world.event("registration rejected, a newer broker holds this id")
    assert world.live_keys == {("c1", "m:1"), ("c1", "o:1")}


def test_after_an_unregistration_the_close_has_nothing_to_do(world: World) -> None:
    world.register(MASTER)
    unregister(world, MASTER)
    other = world.connect()
    world.register(MASTER, connection=other)
    world.close()
    assert world.addrs == {"b": {0: "m:1"}}

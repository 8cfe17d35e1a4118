"""REGISTER_BROKER step by step (section 3.3), and what it leaves behind."""

import json
from typing import Any

import pytest

from namesrv.testing.peer import (
    Broker,
    data_version,
    mapping_info,
    registration_body,
    topic_config,
    topic_table,
)
from namesrv.wire.bodies import DataVersion, QueueData
from tests.routing.world import WALL_MILLIS, World

MASTER = Broker("b", 0, "m:1")
SLAVE = Broker("b", 1, "s1:1")
SECOND = Broker("b", 2, "s2:1")
ACTING: dict[str, str | None] = {"enableActingMaster": "true"}
OLD: dict[str, str | None] = {"enableActingMaster": None}


def newer(counter: int, *names: str, state_version: int = 0, **topic: int) -> bytes:
    """A body with another DataVersion."""
    version = data_version(counter, state_version=state_version)
    return registration_body(topic_table(*names, **topic), version=version)


def raw(wrapper: Any, filters: Any = ()) -> bytes:
    """A body whose wrapper is anything."""
    body = {"filterServerList": filters, "topicConfigSerializeWrapper": wrapper}
    return json.dumps(body).encode()


# --- a first registration -------------------------------------------------------------


def test_a_master_creates_everything(world: World) -> None:
    answer = world.register(MASTER)
    assert (answer.code, answer.ext_fields, answer.body) == (0, {}, b"")
    assert answer.remark is None
    assert world.addrs == {"b": {0: "m:1"}}
    assert world.tables.cluster_addr_table == {"c1": {"b"}}
    assert world.topics == {"T1": {"b": 6}, "T2": {"b": 6}}
    info = world.live.get("c1", "m:1")
    assert info is not None
    assert info.broker_name == "b"
    assert info.heartbeat_timeout_millis == 120_000
    assert info.data_version == DataVersion(0, 0, 1)
    assert info.ha_server_addr == "m:1-ha"
    assert info.owner is world.connection
    assert world.event("new broker registered")["id"] == 0


def test_the_timeout_is_the_brokers_own(world: World) -> None:
    world.register(MASTER, ext={"heartbeatTimeoutMillis": "7"})
    info = world.live.get("c1", "m:1")
    assert info is not None and info.heartbeat_timeout_millis == 7


def test_the_topic_is_called_as_its_member_says(world: World) -> None:
    table = {"key": topic_config("name"), "T2": topic_config("T2")}
    world.register(MASTER, registration_body(table))
    assert set(world.topics) == {"name", "T2"}


def test_all_numbers_of_a_topic_are_stored(world: World) -> None:
    config = {**topic_config("T1", queues=3, perm=7, flag=2), "writeQueueNums": 5}
    world.register(MASTER, registration_body({"T1": config, **topic_table("T2")}))
    queue_data = world.tables.topic_queue_table["T1"].queues["b"]
    assert queue_data == QueueData("b", 7, 3, 2, 5)


def test_equal_queues_are_shared(world: World) -> None:
    world.register(MASTER)
    table = world.tables.topic_queue_table
    assert table["T1"].queues["b"] is table["T2"].queues["b"]


def test_a_first_registration_with_one_topic_is_refused(world: World) -> None:
    answer = world.register(MASTER, registration_body(topic_table("T1")))
    assert (answer.code, answer.remark) == (1, "register broker failed")
    assert answer.ext_fields == {}
    assert world.addrs == {"b": {}}
    assert world.tables.cluster_addr_table == {"c1": {"b"}}
    assert world.topics == {} and len(world.live) == 0
    assert world.has_event("first registration with a single topic refused")


def test_a_first_registration_without_topics_is_fine(world: World) -> None:
    assert world.register(MASTER, registration_body({})).code == 0
    assert world.addrs == {"b": {0: "m:1"}} and world.topics == {}


def test_no_body_is_an_empty_table_of_version_zero(world: World) -> None:
    assert world.register(MASTER, b"").code == 0
    info = world.live.get("c1", "m:1")
    assert info is not None and info.data_version == DataVersion(0, 0, 0)


def test_a_version_without_a_timestamp_is_of_now(world: World) -> None:
    body = registration_body(version={"counter": 3, "stateVersion": 0})
    world.register(MASTER, body)
    info = world.live.get("c1", "m:1")
    assert info is not None and info.data_version == DataVersion(3, 0, WALL_MILLIS)


# --- later registrations --------------------------------------------------------------


def test_an_unchanged_version_changes_no_topic_that_is_there(world: World) -> None:
    world.register(MASTER)
    world.ask(205, {"brokerName": "b"})
    other = registration_body(topic_table("T1", "T2", "T3", queues=9))
    world.register(MASTER, other)
    table = world.tables.topic_queue_table
    assert table["T1"].queues["b"] == QueueData("b", 4, 4, 0, 4)
    assert table["T3"].queues["b"] == QueueData("b", 6, 9, 0, 9)


@pytest.mark.parametrize(
    "version",
    [data_version(1), data_version(timestamp=2), data_version(state_version=1)],
)
def test_a_changed_version_refreshes_all_topics(
    world: World, version: dict[str, int]
) -> None:
    world.register(MASTER)
    world.ask(205, {"brokerName": "b"})
    body = registration_body(topic_table("T1", "T2", queues=9), version=version)
    world.register(MASTER, body)
    assert world.tables.topic_queue_table["T1"].queues["b"].read_queue_nums == 9
    assert world.topics == {"T1": {"b": 6}, "T2": {"b": 6}}


def test_topics_that_are_missing_later_stay(world: World) -> None:
    world.register(MASTER)
    world.register(MASTER, newer(1, "T3", "T4"))
    assert set(world.topics) == {"T1", "T2", "T3", "T4"}


def test_an_incremental_registration_changes_one_topic(world: World) -> None:
    world.register(MASTER)
    world.register(MASTER, newer(1, "T1", queues=9))
    table = world.tables.topic_queue_table
    assert table["T1"].queues["b"].read_queue_nums == 9
    assert table["T2"].queues["b"].read_queue_nums == 4
    info = world.live.get("c1", "m:1")
    assert info is not None and info.data_version == DataVersion(1, 0, 1)


def test_a_deleted_topic_comes_back(world: World) -> None:
    world.register(MASTER)
    world.ask(216, {"topic": "T1"})
    world.register(MASTER)
    assert set(world.topics) == {"T1", "T2"}


def test_topics_can_go_with_a_registration() -> None:
    world = World(delete_topic_with_broker_registration=True)
    world.register(Broker("other", 0, "o:1"), registration_body(topic_table("T2", "O")))
    world.register(MASTER)
    world.register(MASTER, newer(0, "T1", "T3"))
    assert world.topics == {
        "T1": {"b": 6},
        "T2": {"other": 6},
        "T3": {"b": 6},
        "O": {"other": 6},
    }
    world.register(MASTER, newer(1, "T3"))
    assert set(world.topics) == {"T2", "T3", "O"}, "as trap 26 has it"


def test_topics_stay_when_there_are_mappings() -> None:
    world = World(delete_topic_with_broker_registration=True)
    world.register(MASTER)
    mappings = {"st": mapping_info("st", "b")}
    world.register(MASTER, registration_body({}, mappings=mappings))
    assert set(world.topics) == {"T1", "T2"}


def test_an_equal_key_in_two_names_is_the_last_one(world: World) -> None:
    table = {
        "x": topic_config("T", queues=1),
        "y": topic_config("T", queues=2),
        "z": topic_config("Z"),
    }
    world.register(MASTER, registration_body(table))
    assert world.tables.topic_queue_table["T"].queues["b"].read_queue_nums == 2


# --- addresses and ids ----------------------------------------------------------------


def test_one_address_has_one_id(world: World) -> None:
    world.register(SLAVE)
    world.register(SLAVE._replace(id=0))
    assert world.addrs == {"b": {0: "s1:1"}}
    world.register(SLAVE._replace(id=3), ext=ACTING)
    assert world.addrs == {"b": {3: "s1:1"}}


def test_a_master_that_becomes_slave_makes_its_topics_read_only(world: World) -> None:
    world.register(MASTER, ext=ACTING)
    world.register(MASTER._replace(id=1), newer(1, "T1", "T2"), ext=ACTING)
    assert world.topics == {"T1": {"b": 4}, "T2": {"b": 4}}


def test_a_new_address_replaces_the_old_one(world: World) -> None:
    world.register(MASTER, registration_body(filters=["f:1"]))
    world.ask(205, {"brokerName": "b"})
    world.register(MASTER._replace(addr="new:1"))
    assert world.addrs == {"b": {0: "new:1"}}
    assert world.live_keys == {("c1", "new:1")}, "the old entry does not leak"
    assert world.tables.filter_server_table == {}
    assert world.topics == {"T1": {"b": 6}, "T2": {"b": 6}}, "a new entry refreshes"
    assert world.event("new broker registered")["replaces"] == "m:1"


def test_a_lower_state_version_does_not_replace(world: World) -> None:
    world.register(MASTER, newer(0, "T1", "T2", state_version=2))
    impostor = MASTER._replace(addr="old:1")
    body = newer(9, "T3", "T4", state_version=1)
    answer = world.register(impostor, body, ext={"__ZONE_NAME": "z"})
    assert (answer.code, answer.ext_fields) == (0, {})
    assert world.addrs == {"b": {0: "m:1"}}
    assert set(world.topics) == {"T1", "T2"}
    assert world.live_keys == {("c1", "m:1")}
    assert world.tables.broker_addr_table["b"].zone_name == "z"
    event = world.event("registration rejected, a newer broker holds this id")
    assert (event["state_version"], event["holder_state_version"]) == (1, 2)


@pytest.mark.parametrize("state_version", [2, 3])
def test_an_equal_or_higher_state_version_replaces(
    world: World, state_version: int
) -> None:
    world.register(MASTER, newer(0, "T1", "T2", state_version=2))
    body = newer(0, "T1", "T2", state_version=state_version)
    world.register(MASTER._replace(addr="new:1"), body)
    assert world.addrs == {"b": {0: "new:1"}}


def test_a_rejected_promotion_loses_the_slave(world: World) -> None:
    """Steps 1 to 5 stay in effect."""
    world.register(MASTER, newer(0, "T1", "T2", state_version=2))
    world.register(SLAVE)
    world.register(SLAVE._replace(id=0), newer(0, "T1", "T2", state_version=1))
    assert world.addrs == {"b": {0: "m:1"}}
    assert world.live_keys == {("c1", "m:1")}


def test_a_rejected_promotion_loses_the_filter_servers_of_the_slave(
    world: World,
) -> None:
    """Found by the simulator: nothing removed them, until an unregistration did so
    without an event."""
    world.register(MASTER, newer(0, "T1", "T2", state_version=2))
    world.register(SLAVE, registration_body(filters=["f:1"]))
    assert world.tables.filter_server_table == {("c1", "s1:1"): ["f:1"]}
    world.register(SLAVE._replace(id=0), newer(0, "T1", "T2", state_version=1))
    assert world.tables.filter_server_table == {}


def test_a_holder_that_is_not_live_is_replaced(world: World) -> None:
    world.register(MASTER, newer(0, "T1", "T2", state_version=2))
    world.live.remove("c1", "m:1")
    world.register(MASTER._replace(addr="new:1"))
    assert world.addrs == {"b": {0: "new:1"}}


def test_clusters_may_share_a_name(world: World) -> None:
    world.register(MASTER)
    world.register(SLAVE._replace(cluster="c2"))
    assert world.tables.cluster_addr_table == {"c1": {"b"}, "c2": {"b"}}
    assert world.addrs == {"b": {0: "m:1", 1: "s1:1"}}
    assert world.tables.broker_addr_table["b"].cluster == "c1"
    assert world.live_keys == {("c1", "m:1"), ("c2", "s1:1")}


def test_a_master_in_another_cluster_is_not_heard_of(world: World) -> None:
    world.register(MASTER)
    assert world.register(SLAVE._replace(cluster="c2")).ext_fields == {}


# --- filter servers and mappings ------------------------------------------------------


def test_filter_servers(world: World) -> None:
    table = world.tables.filter_server_table
    world.register(MASTER, registration_body(filters=["f:1", None]))
    assert table == {("c1", "m:1"): ["f:1", None]}
    world.register(MASTER, registration_body(filters=None))
    assert table == {("c1", "m:1"): ["f:1", None]}
    world.register(MASTER, registration_body(filters=[]))
    assert table == {}


def test_mappings_come_with_a_changed_version(world: World) -> None:
    mappings = world.tables.topic_queue_mapping_info_table
    first = {"st": mapping_info("st", "b")}
    world.register(MASTER, registration_body(mappings=first))
    assert mappings["st"]["b"].total_queues == 2
    second = {"st": mapping_info("st", "b", queues=5)}
    world.register(MASTER, registration_body(mappings=second))
    assert mappings["st"]["b"].total_queues == 2
    body = registration_body(mappings=second, version=data_version(1))
    world.register(MASTER, body)
    assert mappings["st"]["b"].total_queues == 5


def test_mappings_are_kept_by_topic_and_the_broker_that_they_name(
    world: World,
) -> None:
    table = {"st": mapping_info("other", "x"), "no": {**mapping_info("no", "b")}}
    table["no"]["bname"] = None
    world.register(MASTER, registration_body(mappings=table))
    mappings = world.tables.topic_queue_mapping_info_table
    named = {topic: list(infos) for topic, infos in mappings.items()}
    assert named == {"st": ["x"], "no": [None]}


@pytest.mark.parametrize("deletes", [False, True])
def test_null_mappings_break_a_registration_off_as_in_java(deletes: bool) -> None:
    """Before the topics with deleteTopicWithBrokerRegistration, else before the live
    entry."""
    world = World(delete_topic_with_broker_registration=deletes)
    body = json.loads(registration_body())
    body["topicConfigSerializeWrapper"]["topicQueueMappingInfoMap"] = None
    answer = world.register(MASTER, json.dumps(body).encode())
    assert answer.code == 0
    assert ("T1" in world.tables.topic_queue_table) is not deletes
    assert not list(world.live.entries())
    version = json.dumps(data_version()).encode()
    changed = world.ask(322, MASTER.ext_fields, version)
    assert changed.header["extFields"] == {"changed": "true"}


def test_mapping_without_a_group_goes_after_a_day(world: World) -> None:
    table = {"T1": {**mapping_info("T1", "b"), "bname": None}}
    world.register(MASTER, registration_body(mappings=table))
    assert world.tables.gone_since == {None: world.now_ms}
    world.tables.remove_mappings(None)
    assert world.tables.topic_queue_mapping_info_table == {}


def test_mappings_of_a_slave_beside_its_master_do_not_count(world: World) -> None:
    world.register(MASTER)
    body = registration_body(mappings={"st": mapping_info("st", "b")})
    world.register(SLAVE, body)
    assert world.tables.topic_queue_mapping_info_table == {}


# --- the answer -----------------------------------------------------------------------


def test_the_order_configuration_is_returned(world: World) -> None:
    fields = {"namespace": "ORDER_TOPIC_CONFIG", "key": "T1", "value": "b:4"}
    world.ask(100, fields)
    assert world.register(MASTER).body == b'{"table":{"T1":"b:4"}}'
    world.ask(102, fields)
    assert world.register(MASTER).body == b'{"table":{}}'
    world.ask(318, None, b"returnOrderTopicConfigToBroker=false")
    assert world.register(MASTER).body == b""


def test_a_registration_is_seen_whole_by_the_next_lookup(world: World) -> None:
    world.register(MASTER)
    world.register(MASTER, newer(1, "T1", "T2", queues=9))
    routes = [world.route(topic)["queueDatas"][0] for topic in ("T1", "T2")]
    assert {route["readQueueNums"] for route in routes} == {9}

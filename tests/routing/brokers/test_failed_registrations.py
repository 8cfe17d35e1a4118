"""Registrations that fail, and what they leave behind (section 3.3, failures)."""

import json
from typing import Any

import pytest

from namesrv.testing.peer import (
    Broker,
    data_version,
    registration_body,
    topic_config,
    topic_table,
)
from namesrv.wire.bodies import DataVersion
from tests.routing.world import WALL_MILLIS, World

MASTER = Broker("b", 0, "m:1")
SLAVE = Broker("b", 1, "s1:1")
SECOND = Broker("b", 2, "s2:1")
ACTING: dict[str, str | None] = {"enableActingMaster": "true"}
OLD: dict[str, str | None] = {"enableActingMaster": None}


def raw(wrapper: Any, filters: Any = ()) -> bytes:
    """A body whose wrapper is anything."""
    body = {"filterServerList": filters, "topicConfigSerializeWrapper": wrapper}
    return json.dumps(body).encode()


def test_a_wrong_checksum_changes_nothing(world: World) -> None:
    answer = world.register(MASTER, ext={"bodyCrc32": "1"})
    assert (answer.code, answer.remark) == (1, "crc32 not match")
    assert answer.ext_fields == {}
    assert world.addrs == {} and world.tables.cluster_addr_table == {}
    assert world.has_event("checksum of a registration does not match")


@pytest.mark.parametrize("checksum", ["0", "", "x", None])
def test_no_checksum_is_not_checked(world: World, checksum: str | None) -> None:
    assert world.register(MASTER, ext={"bodyCrc32": checksum}).code == 0


def test_the_checksum_of_no_body_is_zero(world: World) -> None:
    assert world.register(MASTER, b"", ext={"bodyCrc32": "5"}).code == 1


@pytest.mark.parametrize("broker_id", [None, "", "x", "9223372036854775808"])
def test_a_broker_id_is_needed(world: World, broker_id: str | None) -> None:
    answer = world.register(MASTER, ext={"brokerId": broker_id})
    assert answer.code == 1 and answer.ext_fields is None
    assert answer.remark == "brokerId is missing or not a number"
    assert world.addrs == {} and world.tables.cluster_addr_table == {}


def test_no_ext_fields_at_all(world: World) -> None:
    assert world.ask(103, None, registration_body()).code == 1


def test_a_negative_version_is_refused(world: World) -> None:
    answer = world.register(MASTER, version=-1)
    assert (answer.code, answer.remark) == (1, "version -1 is negative")


def test_a_version_from_the_future_is_the_newest(world: World) -> None:
    assert world.register(MASTER, version=5000).code == 0
    assert world.topics


@pytest.mark.parametrize("body", [b"{", b"null", b"[]", b"\xff"])
def test_a_body_that_cannot_be_read_changes_nothing(world: World, body: bytes) -> None:
    answer = world.register(MASTER, body)
    assert answer.code == 1 and answer.ext_fields is None
    assert answer.remark is not None
    assert answer.remark.startswith("registration body cannot be read")
    assert world.addrs == {} and world.tables.cluster_addr_table == {}
    assert world.event("request failed")["code"] == 103


def test_without_a_cluster_nothing_happens(world: World) -> None:
    answer = world.register(MASTER, ext={"clusterName": None})
    assert (answer.code, answer.ext_fields) == (0, {})
    assert world.addrs == {} and world.tables.cluster_addr_table == {}


def test_without_a_name_the_cluster_has_a_null(world: World) -> None:
    answer = world.register(MASTER, ext={"brokerName": None})
    assert (answer.code, answer.ext_fields) == (0, {})
    assert world.addrs == {}
    assert world.tables.cluster_addr_table == {"c1": {None}}
    assert world.ask(106).json["clusterAddrTable"] == {"c1": [None]}
    assert world.ask(304).json == {"topicList": ["c1"]}


def test_without_an_address_there_is_no_live_entry(world: World) -> None:
    answer = world.register(MASTER, ext={"brokerAddr": None})
    assert (answer.code, answer.ext_fields) == (0, {})
    assert world.addrs == {"b": {0: None}}
    assert set(world.topics) == {"T1", "T2"}
    assert len(world.live) == 0
    assert world.route("T1")["brokerDatas"][0]["brokerAddrs"] == {}


def test_a_topic_without_a_name_breaks_off(world: World) -> None:
    table = {
        "T1": topic_config("T1"),
        "bad": topic_config(None),
        "T2": topic_config("T2"),
    }
    answer = world.register(MASTER, registration_body(table, filters=["f:1"]))
    assert (answer.code, answer.ext_fields) == (0, {})
    assert world.topics == {"T1": {"b": 6}}
    assert world.addrs == {"b": {0: "m:1"}}
    assert len(world.live) == 0 and world.tables.filter_server_table == {}


@pytest.mark.parametrize("wrapper", [None, {"topicConfigTable": None}])
def test_a_new_broker_without_a_table_does_not_join(
    world: World, wrapper: dict[str, None] | None
) -> None:
    answer = world.register(MASTER, raw(wrapper))
    assert (answer.code, answer.ext_fields) == (0, {})
    assert world.addrs == {"b": {}} and len(world.live) == 0


def test_known_broker_without_a_table_keeps_its_topics(world: World) -> None:
    world.register(MASTER)
    world.register(SLAVE)
    world.now_ms = 500
    body = raw({"dataVersion": data_version(7), "topicConfigTable": None}, ["f:1"])
    answer = world.register(SLAVE, body)
    assert answer.ext_fields == {"haServerAddr": "m:1-ha", "masterAddr": "m:1"}
    info = world.live.get("c1", "s1:1")
    assert info is not None
    assert info.data_version == DataVersion(7, 0, 1)
    assert info.last_update_timestamp == 500
    assert world.tables.filter_server_table == {("c1", "s1:1"): ["f:1"]}
    world.register(MASTER, raw(None))
    assert set(world.topics) == {"T1", "T2"}
    info = world.live.get("c1", "m:1")
    assert info is not None
    assert info.data_version == DataVersion(0, 0, WALL_MILLIS)


def test_a_null_version_counts_as_changed_and_is_stored_as_none(world: World) -> None:
    world.register(MASTER)
    world.ask(205, {"brokerName": "b"})
    body = raw({"dataVersion": None, "topicConfigTable": topic_table("T1", "T2")})
    assert world.register(MASTER, body).code == 0
    assert world.topics["T1"] == {"b": 6}
    answer = world.ask(322, MASTER.ext_fields)
    assert answer.ext_fields == {"changed": "true"} and answer.body == b""


def test_a_null_version_does_not_replace_a_holder(world: World) -> None:
    world.register(MASTER)
    body = raw({"dataVersion": None, "topicConfigTable": topic_table("T1", "T2")})
    answer = world.register(MASTER._replace(addr="new:1"), body)
    assert (answer.code, answer.ext_fields) == (0, {})
    assert world.addrs == {"b": {0: "m:1"}}


def test_a_null_mapping_refuses_the_registration(world: World) -> None:
    table = topic_table("T1", "T2")
    wrapper = {"topicConfigTable": table, "topicQueueMappingInfoMap": {"T1": None}}
    assert world.register(MASTER, raw(wrapper)).code == 1
    assert world.addrs == {} and world.topics == {}


def test_without_a_wrapper_a_holder_is_not_replaced(world: World) -> None:
    world.register(MASTER)
    answer = world.register(MASTER._replace(addr="new:1"), raw(None))
    assert (answer.code, answer.ext_fields) == (0, {})
    assert world.addrs == {"b": {0: "m:1"}}


def test_a_holder_without_a_version_is_not_replaced(world: World) -> None:
    table = topic_table("T1", "T2")
    world.register(MASTER, raw({"dataVersion": None, "topicConfigTable": table}))
    answer = world.register(MASTER._replace(addr="new:1"))
    assert (answer.code, answer.ext_fields) == (0, {})
    assert world.addrs == {"b": {0: "m:1"}}


def test_an_old_sender_registers_its_bare_wrapper(world: World) -> None:
    wrapper = {"dataVersion": data_version(), "topicConfigTable": topic_table("A", "B")}
    body = json.dumps(wrapper).encode()
    for version in (0, 36):
        world.register(MASTER._replace(addr=f"m:{version}"), body, version=version)
    assert set(world.topics) == {"A", "B"}
    assert world.addrs == {"b": {0: "m:36"}}

"""322, 901 and 904 as requests; 103 and 104 have files of their own."""

import json
from typing import Any

import pytest

from namesrv.testing.peer import Broker, data_version, registration_body
from tests.routing.world import WALL_MILLIS, World

BROKER = Broker()
FIELDS = BROKER.ext_fields
SAME = json.dumps(data_version()).encode()
STORED = b'{"counter":0,"stateVersion":0,"timestamp":1}'


@pytest.fixture
def registered(world: World) -> World:
    world.register()
    world.now_ms = 1000
    return world


def heard_of(world: World) -> int:
    info = world.live.get(BROKER.cluster, BROKER.addr)
    assert info is not None
    return info.last_update_timestamp


# --- QUERY_DATA_VERSION ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        (SAME, "false"),
        (STORED, "false"),
        (b"{'timestamp':'1'}", "false"),
        (json.dumps(data_version(1)).encode(), "true"),
        (json.dumps(data_version(timestamp=2)).encode(), "true"),
        (json.dumps(data_version(state_version=1)).encode(), "true"),
        (b"{}", "true"),
        (b"null", "true"),
        (b"", "true"),
    ],
)
def test_a_version_is_compared(registered: World, body: bytes, changed: str) -> None:
    answer = registered.ask(322, FIELDS, body)
    assert (answer.code, answer.ext_fields) == (0, {"changed": changed})
    assert answer.body == STORED
    assert heard_of(registered) == 1000


def test_a_version_of_now_may_be_the_stored_one(world: World) -> None:
    world.register(body=registration_body(version={"counter": 0, "stateVersion": 0}))
    answer = world.ask(322, FIELDS, b'{"counter":0}')
    assert answer.ext_fields == {"changed": "false"}
    assert answer.json["timestamp"] == WALL_MILLIS


def test_a_broker_that_is_not_known_has_changed(world: World) -> None:
    answer = world.ask(322, FIELDS, SAME)
    assert (answer.code, answer.ext_fields) == (0, {"changed": "true"})
    assert answer.body == b"" and len(world.live) == 0


def test_a_version_that_cannot_be_read(registered: World) -> None:
    answer = registered.ask(322, FIELDS, b"{")
    assert answer.code == 1 and answer.ext_fields is None
    assert answer.remark is not None
    assert answer.remark.startswith("data version cannot be read")
    assert heard_of(registered) == 0


@pytest.mark.parametrize("code", [322, 904])
@pytest.mark.parametrize("missing", [["clusterName"], ["brokerAddr"], list(FIELDS)])
def test_who_is_not_named_is_an_error(
    registered: World, code: int, missing: list[str]
) -> None:
    fields: dict[str, Any] = {n: v for n, v in FIELDS.items() if n not in missing}
    for given in (fields, None if len(missing) > 1 else fields):
        answer = registered.ask(code, given, SAME)
        assert (answer.code, answer.ext_fields) == (1, None)
        assert answer.remark == "clusterName or brokerAddr is missing"
    assert heard_of(registered) == 0


def test_name_and_id_do_not_matter(registered: World) -> None:
    fields = {"clusterName": BROKER.cluster, "brokerAddr": BROKER.addr}
    assert registered.ask(322, fields, SAME).ext_fields == {"changed": "false"}
    assert registered.ask(904, fields).code == 0


# --- BROKER_HEARTBEAT -----------------------------------------------------------------


def test_a_heartbeat_creates_nothing(world: World) -> None:
    answer = world.ask(904, FIELDS)
    assert (answer.code, answer.ext_fields, answer.body) == (0, None, b"")
    assert len(world.live) == 0 and world.addrs == {}


def test_a_heartbeat_that_is_not_hot_is_heard_too(registered: World) -> None:
    fields = {**FIELDS, "brokerName": "é"}
    cold_calls = registered.processor.cold_calls
    assert registered.ask(904, fields).code == 0
    assert registered.processor.cold_calls == cold_calls + 1
    assert heard_of(registered) == 1000


def test_the_timeout_in_a_heartbeat_is_ignored(registered: World) -> None:
    registered.ask(904, {**FIELDS, "heartbeatTimeoutMills": "5"})
    info = registered.live.get(BROKER.cluster, BROKER.addr)
    assert info is not None and info.heartbeat_timeout_millis == 120_000


# --- GET_BROKER_MEMBER_GROUP ----------------------------------------------------------


def test_a_member_group_carries_a_left_over_remark(registered: World) -> None:
    answer = registered.ask(901, {"clusterName": "any", "brokerName": BROKER.name})
    assert (answer.code, answer.ext_fields) == (0, None)
    assert answer.remark == "not set any response code"
    assert answer.body == (
        b'{"brokerMemberGroup":{"brokerAddrs":{0:"10.0.0.1:10911"},'
        b'"brokerName":"broker-a","cluster":"any"}}'
    )


def test_a_member_group_of_nobody(registered: World) -> None:
    answer = registered.ask(901)
    assert answer.body == b'{"brokerMemberGroup":{"brokerAddrs":{}}}'

"""The log says what happened, and nothing that was refused, failed or had no effect."""

import logging
from typing import Any

import pytest

from namesrv.errors import StorageError
from namesrv.routing.outbox import BURST, BURST_OF_BROKERS
from namesrv.testing.peer import Broker, registration_body, request, topic_table
from tests.routing.world import RELOAD, World

KV = {"namespace": "n", "key": "k", "value": "S3CRET"}
UNKNOWN = Broker(name="nobody", addr="10.9.9.9:1").ext_fields
SHOWN = "request failed"

NO_EFFECT: dict[str, tuple[int, Any, bytes]] = {
    "put over a limit": (100, {**KV, "key": "k" * 100_000}, b""),
    "put without a name": (100, {"key": "k"}, b""),
    "delete without a name": (102, {"key": "k"}, b""),
    "unknown broker goes": (104, UNKNOWN, b""),
    "unknown address of a known broker goes": (
        104,
        {**Broker().ext_fields, "brokerAddr": "10.9.9.9:1"},
        b"",
    ),
    "unknown broker is wiped": (205, UNKNOWN, b""),
    "unknown broker is made writable": (327, UNKNOWN, b""),
    "unknown topic is deleted": (216, {"topic": "nothing"}, b""),
    "unknown topic is deleted in a cluster": (
        216,
        {"topic": "nothing", "clusterName": "c1"},
        b"",
    ),
    "topic of an unknown broker is registered": (
        217,
        {"topic": "T1"},
        b'{"queueDatas":[{"brokerName":"nobody","perm":6}]}',
    ),
    "topic is registered as it is": (
        217,
        {"topic": "T1"},
        b'{"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,'
        b'"topicSysFlag":0,"writeQueueNums":4}]}',
    ),
    "configuration without a body": (318, None, b""),
    "configuration as it is": (318, None, b"enableTopicList=true"),
    "configuration that is forbidden": (318, None, b"listenPort=1"),
    "configuration of the wrong type": (318, None, b"enableTopicList=perhaps"),
    "list that is switched off": (206, None, b""),
}


@pytest.mark.parametrize("name", NO_EFFECT)
def test_what_has_no_effect_is_no_line_of_what_was_done(name: str) -> None:
    world = World(enable_all_topic_list=False, kv_max_name_bytes=4096)
    world.register()
    world.events.clear()
    code, fields, body = NO_EFFECT[name]
    answer = world.ask(code, fields, body)
    events = {event.event for event in world.events}
    assert events == ({SHOWN} if answer.code else set())


@pytest.mark.parametrize("code", [100, 102, 318])
def test_what_could_not_be_written_is_a_failure_and_nothing_else(code: int) -> None:
    world = World()
    world.ask(100, KV)
    world.events.clear()
    world.write_error = StorageError("write", "kvConfig.json", "disk full")
    world.ask(code, KV, b"enableTopicList=false")
    (event,) = world.events
    assert (event.level, event.event) == (logging.WARNING, SHOWN)
    assert event.fields == {
        "code": code,
        "remark": "cannot write kvConfig.json: disk full",
        "remote": "10.0.0.9:40000",
    }


@pytest.mark.parametrize(
    ("code", "event"),
    [
        (100, "KV configuration put"),
        (102, "KV configuration deleted"),
        (318, "configuration changed"),
    ],
)
def test_what_was_written_is_told_then_and_not_before(code: int, event: str) -> None:
    world = World()
    if code == 102:
        world.ask(100, KV)
        world.events.clear()
    world.holds_writes = True
    world.send(request(code, KV, b"enableTopicList=false"))
    assert world.events == []
    world.finish_write()
    assert world.event(event)["remote"] == "10.0.0.9:40000"


def test_values_of_the_table_are_never_told() -> None:
    world = World(log_level="DEBUG", kv_max_value_bytes=10)
    for code in (100, 101, 102, 219):
        world.ask(code, KV)
    world.ask(100, {**KV, "value": "S3CRET" * 10})
    world.write_error = StorageError("write", "f", "disk full")
    world.ask(100, KV)
    assert "S3CRET" not in str(world.events)


# --- rates ----------------------------------------------------------------------------


@pytest.mark.parametrize("code", [100, 102, 103, 104, 205, 206, 216, 217, 318, 327])
def test_every_line_that_peers_cause_has_a_rate(code: int) -> None:
    world = World(log_level="DEBUG")
    world.register()
    body = b"enableTopicList=false" if code == 318 else registration_body()
    for fields in (Broker().ext_fields | KV | {"topic": "T1"}, KV, None):
        world.ask(code, fields, body)
        world.ask(code, fields, b"{")
    world.send(request(code, None, flag=1))
    world.close()
    assert world.events
    for event in world.events:
        assert event.peer_caused and event.burst in (BURST, BURST_OF_BROKERS)


def test_brokers_that_come_and_go_have_a_burst_of_their_own() -> None:
    world = World()
    world.register()
    world.close()
    events = {event.event for event in world.events if event.burst == BURST_OF_BROKERS}
    assert events >= {
        "new broker registered",
        "connection of a broker closed",
    }


# --- lookups of unknown topics --------------------------------------------------------


def test_lookups_of_unknown_topics_are_told_at_debug() -> None:
    world = World(log_level="DEBUG")
    world.register(body=registration_body(topic_table("T1", "T2")))
    assert world.route("T1") is not None and world.route("nothing") is None
    told = [e for e in world.events if e.event == "lookup of an unknown topic"]
    assert [e.level for e in told] == [logging.DEBUG]
    assert told[0].fields == {"topic": "nothing", "remote": "10.0.0.9:40000"}


def test_otherwise_they_cost_nothing() -> None:
    world = World()
    world.register()
    calls = world.processor.cold_calls
    assert world.route("nothing") is None
    assert world.processor.cold_calls == calls
    assert not world.has_event("lookup of an unknown topic")


def test_the_level_counts_as_soon_as_it_changes() -> None:
    world = World()
    world.state.configuration.apply({"logLevel": "DEBUG"}, RELOAD)
    assert world.route("nothing") is None
    world.state.configuration.apply({"logLevel": "INFO"}, RELOAD)
    assert world.route("nothing") is None
    world.flush()
    told = [e for e in world.events if e.event == "lookup of an unknown topic"]
    assert len(told) == 1


# --- one id, two addresses ------------------------------------------------------------

BY_TURNS = "two addresses claim one broker id by turns"


def claims(world: World, *addrs: str, millis: int = 30_000) -> list[dict[str, object]]:
    """The events when these register as one broker, one after the other."""
    for addr in addrs:
        world.now_ms += millis
        world.register(Broker(addr=addr))
    return [event.fields for event in world.events if event.event == BY_TURNS]


def test_two_addresses_that_take_turns_are_told_from_the_first_return_on() -> None:
    world = World()
    assert claims(world, "a:1", "b:1", "a:1", "b:1") == [
        {"broker": "broker-a", "id": 0, "address": "a:1", "other": "b:1"},
        {"broker": "broker-a", "id": 0, "address": "b:1", "other": "a:1"},
    ]


def test_a_broker_that_moves_is_not() -> None:
    assert claims(World(), "a:1", "b:1", "c:1", "d:1") == []


def test_a_broker_that_comes_back_much_later_is_not() -> None:
    assert claims(World(), "a:1", "b:1", "a:1", millis=700_000) == []


def test_ids_of_a_group_are_told_apart_and_few_are_remembered() -> None:
    world = World()
    for addr in ("a", "b", "a"):
        for broker_id in range(3):
            world.register(Broker(id=broker_id, addr=f"{addr}:{broker_id}"))
    told = [event.fields["id"] for event in world.events if event.event == BY_TURNS]
    assert told == [0, 1, 2]
    for broker_id in range(3, 100):
        world.register(Broker(id=broker_id, addr=f"a:{broker_id}"))
        world.register(Broker(id=broker_id, addr=f"b:{broker_id}"))
    assert len(world.tables.broker_addr_table["broker-a"]._replaced) == 16

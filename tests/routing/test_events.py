"""Events: each change is one, with its cause; without a change there is none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.errors import StorageError
from namesrv.routing.events import (
    BrokerChanged,
    BrokerDisconnected,
    BrokerExpired,
    BrokerRegistered,
    BrokerReplaced,
    BrokerUnregistered,
    Cause,
    CauseKind,
    ConfigChanged,
    Event,
    EventStream,
    KvChanged,
    LeftoverRemoved,
    PermissionChanged,
    TopicAdded,
    TopicChanged,
    TopicChanges,
    TopicRemoved,
)
from namesrv.testing.peer import (
    Broker,
    data_version,
    mapping_info,
    registration,
    registration_body,
    request,
    topic_config,
    topic_table,
)
from namesrv.testing.simulator.changes import facts_of
from tests.hot_path.histories import some_changes, some_requests, some_specs
from tests.parity.stacks import load_world
from tests.routing.world import RELOAD, WALL_MILLIS, World

PEER = "10.0.0.9:40000"
MASTER = Broker("b", 0, "m:1", "c1")
SLAVE = Broker("b", 1, "s:1", "c1")
KEY = ("c1", "m:1")


def caused(code: int, count: int = 1) -> Cause:
    """The cause of events of one request on the world's own connection."""
    return Cause(CauseKind.REQUEST, code, PEER, None, count)


def only(world: World) -> Event:
    """The one event since the last call."""
    (event,) = world.changes
    world.changes.clear()
    return event


def registered(*brokers: Broker, **options: Any) -> World:
    """A server with these brokers, its events forgotten."""
    world = World(**options)
    for broker in brokers:
        world.register(broker)
    world.changes.clear()
    return world


def epoch_of(world: World, key: tuple[str, str] = KEY) -> int:
    info = world.live.get(*key)
    assert info is not None
    return int(info.epoch)


# --- brokers --------------------------------------------------------------------------


def test_new_broker_is_one_event_with_its_topics() -> None:
    world = World()
    world.register(MASTER, registration_body(topic_table("T1", "T2")))
    topics = TopicChanges(added=["T1", "T2"])
    epoch = epoch_of(world)
    assert only(world) == BrokerRegistered(
        WALL_MILLIS, caused(103), "c1", "b", "m:1", epoch, 0, "m:1-ha", None, topics
    )


def test_names_of_topics_are_those_of_the_tables() -> None:
    world = World()
    world.register(MASTER, registration_body(topic_table("T1", "T2")))
    event = only(world)
    assert isinstance(event, BrokerRegistered)
    table = world.tables.topic_queue_table
    for name in event.topics.added:
        assert name is table[name].topic


@pytest.mark.parametrize("access", ["open", "signed"])
def test_repeated_registration_and_heartbeat_put_none(access: str) -> None:
    world = registered(MASTER)
    world.options.broker_access = access
    world.state.refresh_hot_path(0)
    for code in (904, 322):
        world.ask(code, MASTER.ext_fields)
    world.register(MASTER)
    assert world.changes == []


def test_repeated_registration_that_is_applied_whole_puts_none() -> None:
    world = registered(MASTER)
    world.tables.forget_digests(["b"])
    world.register(MASTER)
    assert world.processor.cold_calls == 2
    assert world.changes == []


PARTS: dict[str, dict[str, Any]] = {
    "ha address": {"ext": {"haServerAddr": "ha:2"}},
    "timeout": {"ext": {"heartbeatTimeoutMillis": "1000"}},
    "acting master": {"ext": {"enableActingMaster": "true"}},
    "zone": {"ext": {"__ZONE_NAME": "z"}},
    "version": {"body": registration_body(version=data_version(counter=1))},
    "filter servers": {
        "body": registration_body(version=data_version(counter=0), filters=["f:1"])
    },
}


@pytest.mark.parametrize("part", PARTS)
def test_changed_broker_names_the_part_that_differs(part: str) -> None:
    world = World()
    world.register(MASTER, registration_body(version=data_version(counter=0)))
    world.changes.clear()
    wanted = {"body": registration_body(version=data_version(counter=0))}
    world.register(MASTER, **(wanted | PARTS[part]))
    event = only(world)
    assert isinstance(event, BrokerChanged)
    assert (event.parts, event.epoch) == ((part,), epoch_of(world))
    assert not event.topics and event.cause.request_code == 103


def test_changed_topics_are_sorted_by_what_became_of_them() -> None:
    world = World(delete_topic_with_broker_registration=True)
    world.register(MASTER, registration_body(topic_table("T1", "T2", "T3")))
    world.changes.clear()
    topics = {**topic_table("T1", "T4"), "T2": topic_config("T2", 8)}
    body = registration_body(topics, version=data_version(counter=1))
    world.register(MASTER, body)
    event = only(world)
    assert isinstance(event, BrokerChanged)
    assert event.topics == TopicChanges(["T4"], ["T2"], ["T3"], [])


def test_mapping_of_another_group_is_a_change_of_the_sender() -> None:
    world = registered(MASTER)
    mappings = {"T1": mapping_info("T1", "elsewhere")}
    body = registration_body(version=data_version(counter=9), mappings=mappings)
    world.register(MASTER, body)
    event = only(world)
    assert isinstance(event, BrokerChanged)
    assert event.topics == TopicChanges(mapped=["T1"])


@pytest.mark.parametrize("twin", ["pure", "fast"])
def test_registration_over_another_connection_is_a_change(twin: str) -> None:
    world = load_world(twin).World()
    world.register(MASTER)
    world.changes.clear()
    other = world.connect("10.0.0.8:1")
    world.register(MASTER, connection=other)
    (event,) = world.changes
    assert (event.parts, event.cause.peer) == (("connection",), "10.0.0.8:1")
    assert event.epoch == epoch_of(world)
    world.changes.clear()
    for _ in range(3):
        world.register(MASTER, connection=other)
    assert world.changes == []


def test_registration_over_another_connection_is_answered_as_before() -> None:
    world = registered(MASTER, SLAVE)
    world.register(SLAVE)
    answer = world.register(SLAVE)
    other = world.connect()
    assert world.register(SLAVE, connection=other) == answer
    assert answer.ext_fields is not None and answer.ext_fields["masterAddr"] == "m:1"


def test_too_large_registration_over_another_connection_is_a_change() -> None:
    world = registered(MASTER, max_topics_per_registration=2)
    body = registration_body(topic_table("T1", "T2", "T3"))
    other = world.connect()
    assert world.register(MASTER, body, connection=other).code == 1
    event = only(world)
    assert isinstance(event, BrokerChanged) and event.parts == ("connection",)


def test_refused_registration_reports_what_it_left_behind() -> None:
    world = World()
    body = registration_body(topic_table("T1"))
    assert world.register(MASTER, body).code == 1
    event = only(world)
    assert isinstance(event, BrokerChanged)
    assert (event.parts, event.epoch) == (("cluster", "group"), 0)
    world.register(MASTER, body)
    assert world.changes == []


def test_replaced_broker_and_the_new_one_are_an_event_each() -> None:
    world = registered(MASTER)
    epoch = epoch_of(world)
    world.register(MASTER._replace(addr="n:1"))
    replaced, new = world.changes
    cause = caused(103, 2)
    assert replaced == BrokerReplaced(
        WALL_MILLIS, cause, "c1", "b", "m:1", epoch, "n:1"
    )
    assert isinstance(new, BrokerRegistered) and new.replaces == "m:1"
    assert new.epoch > epoch


def test_rejected_broker_that_was_live_is_replaced_by_the_newer_one() -> None:
    world = World()
    new = registration_body(version=data_version(state_version=2))
    old = registration_body(version=data_version(state_version=1), filters=["f:1"])
    world.register(MASTER, new)
    world.register(SLAVE, old)
    assert world.tables.filter_server_table == {("c1", "s:1"): ["f:1"]}
    world.changes.clear()
    world.register(Broker("b", 0, "s:1", "c1"), old)
    (replaced,) = (e for e in world.changes if isinstance(e, BrokerReplaced))
    assert (replaced.address, replaced.replaced_by) == ("s:1", "m:1")
    assert world.tables.filter_server_table == {}


def test_unregistered_broker_takes_its_topics_along() -> None:
    world = registered(MASTER)
    epoch = epoch_of(world)
    world.ask(104, MASTER.ext_fields)
    assert only(world) == BrokerUnregistered(
        wall_millis=WALL_MILLIS,
        cause=caused(104),
        cluster="c1",
        broker="b",
        address="m:1",
        epoch=epoch,
        broker_ids=(0,),
        was_live=True,
        timeout_millis=120_000,
        silent_millis=0,
        registered_in=None,
        is_group_gone=True,
        is_read_only=False,
        topics=TopicChanges(removed=["T1", "T2"]),
    )
    world.ask(104, MASTER.ext_fields)
    assert world.changes == []


def test_closed_connection_is_an_event_for_each_broker() -> None:
    world = registered(MASTER, SLAVE)
    world.close()
    assert [type(event) for event in world.changes] == [BrokerDisconnected] * 2
    assert [e.cause.kind for e in world.changes] == [CauseKind.CONNECTION] * 2
    assert [e.cause.peer for e in world.changes] == [PEER] * 2
    first, last = world.changes
    assert isinstance(first, BrokerDisconnected) and not first.is_group_gone
    assert isinstance(last, BrokerDisconnected) and last.is_group_gone


def test_expired_broker_says_how_long_it_was_silent() -> None:
    world = World()
    world.tick()
    world.register(MASTER)
    world.changes.clear()
    world.run(130_000)
    event = only(world)
    assert isinstance(event, BrokerExpired)
    assert event.cause == Cause(CauseKind.EXPIRY, 0, PEER, None, 1)
    assert event.silent_millis is not None and event.silent_millis > 120_000


def test_broker_that_is_live_in_another_cluster_is_still_registered_there() -> None:
    world = registered(MASTER)
    world.register(MASTER._replace(cluster="c2"), connection=world.connect())
    world.changes.clear()
    world.close()
    event = only(world)
    assert isinstance(event, BrokerDisconnected)
    assert (event.cluster, event.registered_in) == ("c1", "c2")
    assert not event.is_group_gone and event.broker_ids == ()


def test_acting_group_without_its_master_becomes_read_only_in_the_same_event() -> None:
    world = World()
    for broker in (MASTER, SLAVE):
        world.register(broker, ext={"enableActingMaster": "true"})
    world.changes.clear()
    world.ask(104, MASTER.ext_fields)
    event = only(world)
    assert isinstance(event, BrokerUnregistered) and event.is_read_only
    assert event.topics == TopicChanges(changed=["T1", "T2"])


def test_leftovers_go_with_an_event_each() -> None:
    world = World()
    world.tick()
    world.register(MASTER, registration_body(topic_table("T1")))
    world.changes.clear()
    world.run(300_000)
    group, name = world.changes
    assert isinstance(group, LeftoverRemoved) and isinstance(name, LeftoverRemoved)
    assert group.cause.kind == name.cause.kind == CauseKind.LEFTOVER
    assert group.is_group_gone and group.broker == name.broker == "b"
    assert (group.cluster, name.cluster) == (None, "c1")


# --- operators ------------------------------------------------------------------------


def test_topic_is_added_changed_and_removed() -> None:
    world = registered(MASTER)
    body = b'{"queueDatas":[{"brokerName":"b","perm":%d}]}'
    world.ask(217, {"topic": "N"}, body % 6)
    assert only(world) == TopicAdded(WALL_MILLIS, caused(217), "N", ["b"])
    world.ask(217, {"topic": "N"}, body % 4)
    assert only(world) == TopicChanged(WALL_MILLIS, caused(217), "N", ["b"])
    world.ask(217, {"topic": "N"}, body % 4)
    assert world.changes == []
    world.ask(216, {"topic": "N"})
    assert only(world) == TopicRemoved(WALL_MILLIS, caused(216), "N", ["b"], None)
    world.ask(216, {"topic": "N"})
    assert world.changes == []


def test_permission_is_an_event_where_it_differs() -> None:
    world = registered(MASTER)
    for code, is_writable in ((205, False), (327, True)):
        world.ask(code, {"brokerName": "b"})
        assert only(world) == PermissionChanged(
            WALL_MILLIS, caused(code), "b", is_writable, ["T1", "T2"]
        )
        world.ask(code, {"brokerName": "b"})
        assert world.changes == []


def test_key_is_an_event_where_its_value_differs() -> None:
    world = World()
    fields = {"namespace": "n", "key": "k", "value": "v"}
    for code, is_deleted in ((100, False), (102, True)):
        world.ask(code, fields)
        expected = KvChanged(WALL_MILLIS, caused(code), "n", "k", is_deleted)
        assert only(world) == expected
        world.ask(code, fields)
        assert world.changes == []


def test_keys_that_are_written_together_are_compared_one_after_the_other() -> None:
    world = World()
    world.holds_writes = True
    for value in "vvw":
        fields = {"namespace": "n", "key": "k", "value": value}
        world.send(request(100, fields), world.connect())
    while world.writes:
        world.finish_write()
    assert [type(event) for event in world.changes] == [KvChanged] * 2


def test_option_is_an_event_where_its_value_differs() -> None:
    world = World()
    body = b"enableTopicList=false\nwaitSecondsForService=45"
    world.ask(318, None, body)
    assert only(world) == ConfigChanged(
        WALL_MILLIS, caused(318), "enableTopicList", "true", "false"
    )
    world.state.configuration.apply({"maxRoutes": 7}, RELOAD)
    world.flush()
    event = only(world)
    assert isinstance(event, ConfigChanged) and event.cause is RELOAD


def test_failed_write_puts_none() -> None:
    world = World()
    world.write_error = StorageError("write", "f", "disk full")
    for code in (100, 318):
        world.ask(code, {"namespace": "n", "key": "k"}, b"enableTopicList=false")
    assert world.changes == []


def test_proxy_is_named_beside_the_peer() -> None:
    world = registered(MASTER)
    world.connection.remote_address = "192.0.2.7:4321"
    world.ask(205, {"brokerName": "b"})
    cause = only(world).cause
    assert (cause.peer, cause.proxy) == ("192.0.2.7:4321", PEER)


# --- in steps -------------------------------------------------------------------------


def test_event_of_work_in_steps_comes_at_its_end_and_before_the_answer() -> None:
    world = World()
    world.holds_work = True
    body = registration_body(topic_table(*(f"T{n}" for n in range(3000))))
    assert world.send(registration(MASTER, body)) == b""
    assert world.changes == []
    while world.state.unfinished:
        world.next_step()
    event = only(world)
    assert isinstance(event, BrokerRegistered) and len(event.topics.added) == 3000
    assert world.late_output[world.connection]


# --- every change, and nothing else ---------------------------------------------------


def facts(world: Any) -> dict[str, Any]:
    """With what no witness sees: the KV table and the options."""
    namespaces = world.state.kv_config._table._namespaces
    keys = {name: list(keys.entries()) for name, keys in namespaces.items()}
    return {**facts_of(world.state), "keys": keys, "options": str(world.options)}


OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"delete_topic_with_broker_registration": True},
    {"max_routes": 4, "support_acting_master": True},
    {"log_level": "DEBUG", "broker_access": "signed", "access_keys_file": "k"},
)
SENT = st.one_of(
    st.builds(lambda spec, at: spec.frame(1, at), some_specs, st.integers(1, 3)),
    some_requests(),
    some_changes(),
)


@given(
    twin=st.sampled_from(["pure", "fast"]),
    options=st.sampled_from(OPTIONS),
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("send"), st.integers(0, 2), SENT),
            st.tuples(st.just("close"), st.integers(0, 2), st.none()),
            st.tuples(st.just("run"), st.integers(1, 150), st.none()),
        ),
        max_size=20,
    ),
)
def test_tables_differ_if_and_only_if_an_event_was_put(
    twin: str, options: dict[str, Any], steps: list[tuple[str, int, Any]]
) -> None:
    world = load_world(twin).World(**options)
    connections = [world.connect() for _ in range(3)]
    for kind, number, data in steps:
        world.changes.clear()
        before = facts(world)
        if kind == "send":
            world.send(data, connections[number])
        elif kind == "close":
            world.close(connections[number])
            connections[number] = world.connect()
        else:
            world.tick(number * 1000)
        assert not world.state.unfinished
        assert (facts(world) != before) is bool(world.changes), world.changes


# --- the stream -----------------------------------------------------------------------


def test_sinks_get_events_in_order_and_each_gets_all() -> None:
    outbox: list[Event] = []
    stream = EventStream(outbox.append, lambda: 5)
    first: list[Event] = []
    both: list[tuple[int, Event]] = []
    stream.add(first.append)
    stream.add(lambda event: both.append((len(first), event)))
    cause = caused(100, 0)
    events = [KvChanged(5, cause, "n", key, False) for key in "xy"]
    for event in events:
        stream.put(event)
    assert outbox == events and cause.event_count == 2 and first == []
    for published in outbox:
        stream.publish(published, lambda sink, error: pytest.fail(str(error)))
    assert first == events
    assert both == [(1, events[0]), (2, events[1])]


def test_sink_that_raises_costs_the_others_nothing() -> None:
    stream = EventStream(lambda event: None, lambda: 5)
    seen: list[Event] = []
    failures: list[tuple[Any, str]] = []

    def fail(event: Event) -> None:
        raise KeyError("broken")

    for sink in (seen.append, fail, seen.append):
        stream.add(sink)
    event = KvChanged(5, caused(100), "n", "k", False)
    stream.publish(event, lambda sink, error: failures.append((sink, repr(error))))
    assert seen == [event, event]
    assert failures == [(fail, "KeyError('broken')")]


def test_events_cannot_be_changed() -> None:
    event = KvChanged(5, caused(100), "n", "k", False)
    with pytest.raises(AttributeError):
        event.key = "other"  # type: ignore[misc]

"""The route table packed and restored: a server that goes on as if it had not ended."""

from typing import Any

import pytest
from msgspec.structs import replace

from namesrv.errors import SnapshotInvalid
from namesrv.routing.events import BrokerChanged
from namesrv.routing.tables import topic_numbers
from namesrv.routing.warm_start.pack import (
    pack_end,
    pack_group,
    read_snapshot,
    relied_on,
    restore,
)
from namesrv.routing.warm_start.packed_tables import FileFacts, PackedTables
from namesrv.routing.warm_start.records import (
    END,
    FIRST_LINE,
    GROUP,
    TABLES,
    EndRecord,
    GroupRecord,
    TablesRecord,
    write_record,
)
from namesrv.testing.peer import (
    data_version,
    registration,
    registration_body,
    topic_config,
    topic_table,
)
from namesrv.wire.bodies import DataVersion
from namesrv.work import finish
from tests.routing.restart import A_SLAVE, LEASE_MILLIS, A, B, facts, restarted
from tests.routing.world import World


def packed_tables(world: World, saved_millis: int, now_ms: int) -> bytes:
    """The record after the last group."""
    packed = PackedTables(world.tables)
    facts = FileFacts(saved_millis, relied_on(world.options), [])
    record = packed.finish(facts, world.liveness.leases, now_ms)
    return b"".join(record.whole())


def test_a_broker_that_does_not_come_back_is_gone_after_its_lease() -> None:
    world = World()
    for broker in (A, B):
        world.register(broker)
    world = restarted(world)
    world.run(60_000)
    world.register(B)
    world.run(29_000)
    assert world.live_keys == {("c1", "a:1"), ("c1", "b:1")}
    world.run(7_000)
    assert world.live_keys == {("c1", "b:1")}
    assert world.event("broker of the last run did not come back") == {
        "cluster": "c1",
        "broker": "a",
        "address": "a:1",
        "ids": "0",
        "was_live": True,
        "topics": 2,
    }
    assert not world.has_event("broker expired")


@pytest.mark.parametrize("code", [904, 322])
def test_any_word_of_a_broker_confirms_it_and_its_own_timeout_counts(code: int) -> None:
    world = World()
    world.register(A, ext={"heartbeatTimeoutMillis": "10000"})
    world = restarted(world)
    world.run(75_000)
    assert world.live_keys == {("c1", "a:1")}
    (info,) = world.live.entries()
    assert world.liveness.leases.is_unconfirmed(info)
    world.ask(code, A.ext_fields)
    assert not world.liveness.leases.is_unconfirmed(info)
    world.run(9_000)
    assert world.live_keys == {("c1", "a:1")}
    world.run(7_000)
    assert world.live_keys == set()
    assert world.event("broker expired")["timeout_millis"] == 10_000


@pytest.mark.parametrize("code", [904, 322])
def test_a_word_at_the_very_time_that_a_lease_has_set_confirms_a_broker(
    code: int,
) -> None:
    """Found by the simulator: it passed for a broker that was not heard from."""
    world = World()
    world.register(A, ext={"heartbeatTimeoutMillis": "10000"})
    world = restarted(world)
    (info,) = world.live.entries()
    world.run(info.last_update_timestamp - world.now_ms)
    world.ask(code, A.ext_fields)
    assert not world.liveness.leases.is_unconfirmed(info)


@pytest.mark.parametrize("timeout", [-(2**63), -(2**62), 2**62, 2**63 - 1])
def test_no_timeout_makes_a_warm_start_fail_or_a_lease_endless(timeout: int) -> None:
    world = World()
    world.register(A, ext={"heartbeatTimeoutMillis": str(timeout)})
    world = restarted(world)
    world.run(LEASE_MILLIS)
    assert set(world.addrs) == {"a"}
    world.run(LEASE_MILLIS)
    assert world.addrs == {}


def test_a_stall_moves_leases() -> None:
    world = World()
    world.register(A)
    world = restarted(world)
    world.run(80_000)
    world.now_ms += 300_000
    world.run(9_000)
    assert world.live_keys == {("c1", "a:1")}
    world.run(16_000)
    assert world.live_keys == set()
    assert world.has_event("broker of the last run did not come back")


def test_a_restart_gives_no_new_lease_to_who_was_not_heard_of() -> None:
    """P4: a server that restarts every minute keeps no dead broker."""
    world = World()
    for broker in (A, B):
        world.register(broker)
    for _ in range(2):
        world = restarted(world)
        world.run(40_000)
        world.register(B)
    world = restarted(world)
    world.run(9_000)
    assert world.live_keys == {("c1", "a:1"), ("c1", "b:1")}
    world.run(7_000)
    assert world.live_keys == {("c1", "b:1")}
    world.run(LEASE_MILLIS)
    assert world.live_keys == set(), "B was heard of in the last run, and not since"


def test_who_was_heard_of_in_the_last_run_has_a_whole_lease() -> None:
    """P3: also by a heartbeat, which changes nothing else in the file."""
    world = World()
    world.register(A)
    world = restarted(world)
    world.run(80_000)
    world.ask(904, A.ext_fields)
    world = restarted(world)
    world.run(89_000)
    assert world.live_keys == {("c1", "a:1")}


def test_the_time_between_two_runs_is_no_time_of_a_lease() -> None:
    """Nobody could have been heard of meanwhile."""
    world = World()
    world.register(A)
    world = restarted(world)
    world.run(80_000)
    file, ended_ms = world.packed_routes(), world.now_ms
    world = World(started_ms=ended_ms + 3_600_000)
    world.begin_warm(file, LEASE_MILLIS)
    world.run(9_000)
    assert world.live_keys == {("c1", "a:1")}
    world.run(7_000)
    assert world.live_keys == set()


def test_what_the_last_run_served_after_its_file_counts() -> None:
    world = World()
    world.register(A)
    world = restarted(world)
    world.run(30_000)
    file, leases = world.packed_routes(), world.liveness.leases
    world.run(50_000)
    served_millis = leases.served_millis
    assert served_millis == 80_000
    world = World(started_ms=world.now_ms)
    world.begin_warm(file, LEASE_MILLIS, served_millis)
    world.run(9_000)
    assert world.live_keys == {("c1", "a:1")}
    world.run(7_000)
    assert world.live_keys == set()


def test_a_stall_of_the_machine_is_no_time_of_a_lease() -> None:
    world = World()
    world.register(A)
    world = restarted(world)
    world.run(10_000)
    world.tick(300_000)
    assert world.liveness.leases.served_millis < 11_000
    world = restarted(world)
    world.run(79_000)
    assert world.live_keys == {("c1", "a:1")}


def test_data_version_without_a_timestamp_is_damage() -> None:
    world = World()
    world.register(A)
    snapshot = read_snapshot(world.packed_routes())
    ((group, _),) = snapshot.groups
    (live,) = group.lives
    live = replace(live, data_version=DataVersion(1))
    file = FIRST_LINE + write_record(GROUP, replace(group, lives=[live]))
    file += write_record(TABLES, snapshot.tables) + write_record(END, EndRecord(1))
    with pytest.raises(SnapshotInvalid, match=r"'a' has an incomplete version"):
        read_snapshot(file)


def test_who_is_heard_of_makes_the_file_be_written_again() -> None:
    world = World()
    world.register(A)
    world = restarted(world)
    changes = world.tables.changes
    world.run(2000)
    assert world.tables.changes == changes
    world.ask(904, A.ext_fields)
    world.run(2000)
    assert world.tables.changes == changes + 1
    world.run(2000)
    assert world.tables.changes == changes + 1


def test_a_repeated_registration_is_recognised_across_a_restart() -> None:
    world = World()
    for broker in (A, A_SLAVE):
        world.register(broker)
    # The slave is told of its master from its second registration on.
    expected = [world.register(broker) for broker in (A, A_SLAVE)]
    world = restarted(world)
    peer = world.connect()
    assert [world.register(b, connection=peer) for b in (A, A_SLAVE)] == expected
    # Only the connection is another one: no body was read.
    events = [event for event in world.changes if isinstance(event, BrokerChanged)]
    assert len(events) == len(world.changes)
    assert [event.parts for event in events] == [("connection",)] * 2
    assert all(info.digest is not None for info in world.live.entries())
    assert {info.owner for info in world.live.entries()} == {peer}
    world.close(peer)
    assert world.live_keys == set()


def test_under_other_options_nothing_is_recognised() -> None:
    world = World()
    world.register(A)
    world.register(A)
    world.options.delete_topic_with_broker_registration = True
    data = world.packed_routes()
    other = World()
    restore(other.tables, other.options, read_snapshot(data), 0)
    other.register(A)
    assert other.processor.cold_calls == 1


def test_wiped_permissions_come_back_wiped() -> None:
    world = World()
    world.register(A)
    world.ask(205, {"brokerName": "a"})
    world = restarted(world)
    assert world.topics["T1"] == {"a": 4}
    world.ask(327, {"brokerName": "a"})
    assert world.topics["T1"] == {"a": 6}


def test_the_gate_stays_open_after_a_warm_start() -> None:
    world = World(need_wait_for_service=True)
    world.register(A)
    world = restarted(world)
    assert world.ask(105, {"topic": "T1"}).code == 0
    assert world.processor.cold_calls == 1, "the route had to be written once"
    world.ask(105, {"topic": "T1"})
    assert world.processor.cold_calls == 1


def test_a_topic_deleted_while_groups_were_packed_is_left_out() -> None:
    world = World()
    world.register(A)
    group = finish(pack_group(world.tables, world.tables.broker_addr_table["a"]))
    (topic, *others) = list(world.topics)
    world.ask(216, {"topic": topic})
    table = topic_table("new") | topic_table(topic)
    world.register(B, registration_body(table))
    shared = packed_tables(world, 5, 0)
    data = FIRST_LINE + group + shared + pack_end(1)
    other = World()
    restore(other.tables, other.options, read_snapshot(data), 0)
    assert set(other.topics) == set(others)


def test_what_changes_a_group_is_noted_and_nothing_else() -> None:
    world = World()
    world.register(A, registration_body(topic_table("T1", "T2")))
    world.register(B, registration_body(topic_table("T1", "T2")))
    a, b = (world.tables.broker_addr_table[name] for name in "ab")

    def noted(act: Any) -> tuple[bool, bool]:
        before = a.change, b.change
        act()
        return a.change != before[0], b.change != before[1]

    newer = registration_body(topic_table("T1", "T2"), version=data_version(9))
    assert noted(lambda: world.register(A, newer)) == (True, False)
    assert noted(lambda: world.register(A, newer)) == (False, False)
    assert noted(lambda: world.ask(904, A.ext_fields)) == (False, False)
    assert noted(lambda: world.ask(105, {"topic": "T1"})) == (False, False)
    assert noted(lambda: world.ask(205, {"brokerName": "a"})) == (True, False)
    assert noted(lambda: world.ask(205, {"brokerName": "a"})) == (False, False)
    assert noted(lambda: world.ask(216, {"topic": "T1"})) == (True, True)
    assert noted(lambda: world.register(A_SLAVE)) == (True, False)
    assert noted(lambda: world.ask(104, A_SLAVE.ext_fields)) == (True, False)
    changes = world.tables.changes
    world.ask(104, B.ext_fields)
    assert world.tables.changes > changes
    world.register(B)
    assert world.tables.broker_addr_table["b"].change > b.change


def test_numbers_of_topics_begin_anew_when_they_run_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(topic_numbers, "MOST_TOPIC_NUMBER", 4)
    world = World()
    for number in range(20):
        table = {name: topic_config(name) for name in ("T1", f"t{number}")}
        body = registration_body(table, version=data_version(number))
        world.register(A, body)
        world.ask(216, {"topic": f"t{number - 1}"})
        numbers = [e.number for e in world.tables.topic_queue_table.values()]
        assert len(set(numbers)) == len(numbers) and max(numbers) <= 4
        assert facts(restarted(world)) == facts(world)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda g, t, e: g + e, "its last records are missing"),
        (lambda g, t, e: g + t, "its last records are missing"),
        (lambda g, t, e: t + e, "1 groups were written, 0 found"),
        (lambda g, t, e: g + g + t + e, "1 groups were written, 1 found"),
        (lambda g, t, e: g + t + e + g, "something follows its last record"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(change: Any, reason: str) -> None:
    world = World()
    world.register(A)
    group = finish(pack_group(world.tables, world.tables.broker_addr_table["a"]))
    shared = packed_tables(world, 5, 0)
    with pytest.raises(SnapshotInvalid) as caught:
        read_snapshot(FIRST_LINE + change(group, shared, pack_end(1)))
    assert str(caught.value) == reason


def test_a_topic_that_comes_twice_is_refused() -> None:
    world = World()
    world.register(A)
    whole = read_snapshot(world.packed_routes())
    group, shared = whole.groups[0][0], whole.tables
    first = group.topics[:4]

    def refused(reason: str, group: GroupRecord, shared: TablesRecord) -> None:
        records = write_record(GROUP, group) + write_record(TABLES, shared)
        with pytest.raises(SnapshotInvalid, match=reason):
            read_snapshot(FIRST_LINE + records + pack_end(1))

    twice = replace(group, topics=group.topics + first)
    refused("topics of group 'a' do not match", twice, shared)
    twice = replace(twice, queues_of=group.queues_of + bytes(4))
    refused("topics of group 'a' do not match", twice, shared)
    more = replace(shared, numbers=shared.numbers + first)
    refused("topics and their numbers do not match", group, more)
    more = replace(more, topics=[*shared.topics, "another"])
    refused("topics and their numbers do not match", group, more)


def test_an_empty_table_is_a_good_one() -> None:
    found = read_snapshot(World().packed_routes())
    assert found.groups == [] and found.tables.topics == []


def test_a_first_registration_after_the_restart_is_like_any(  # P3, P1
) -> None:
    world = World()
    world.send(registration(A, registration_body()))
    world = restarted(world)
    old, new = world.connect(), world.connect()
    world.register(A, connection=old)
    world.register(A, connection=new)
    world.close(old)
    assert world.live_keys == {("c1", "a:1")}


def test_group_that_came_anew_is_not_taken_for_the_old_one() -> None:
    """Found by the simulator: the file had the old one's record, with its cluster."""
    world = World()
    single = registration_body(topic_table("T1"))
    assert world.register(A, single).code == 1
    old = world.tables.broker_addr_table["a"].change
    world.ask(104, A.ext_fields)
    assert world.addrs == {}
    assert world.register(A._replace(cluster="c2"), single).code == 1
    assert world.tables.broker_addr_table["a"].change > old


def test_topic_that_was_deleted_while_groups_were_packed_comes_back() -> None:
    """Found by the simulator: the registration was taken for a repetition."""
    world = World()
    body = registration_body(topic_table("T1", "T2"))
    world.register(A, body)
    record = finish(pack_group(world.tables, world.tables.broker_addr_table["a"]))
    world.ask(216, {"topic": "T1"})
    shared = packed_tables(world, 5, world.now_ms)
    data = FIRST_LINE + record + shared + pack_end(1)
    other = World()
    restore(other.tables, other.options, read_snapshot(data), other.now_ms)
    assert set(other.topics) == {"T2"}
    other.register(A, body)
    assert set(other.topics) == {"T1", "T2"}


def test_number_of_a_topic_that_was_deleted_meanwhile_is_not_given_again() -> None:
    """Found by the simulator: the next file may copy the record that has it."""
    world = World()
    world.register(A, registration_body(topic_table("T1", "T2")))
    record = finish(pack_group(world.tables, world.tables.broker_addr_table["a"]))
    world.ask(216, {"topic": "T2"})
    shared = packed_tables(world, 5, world.now_ms)
    second, third = World(), World()
    data = FIRST_LINE + record + shared + pack_end(1)
    restore(second.tables, second.options, read_snapshot(data), second.now_ms)
    second.register(B, registration_body(topic_table("T3", "T4")))
    other = finish(pack_group(second.tables, second.tables.broker_addr_table["b"]))
    shared = packed_tables(second, 5, second.now_ms)
    data = FIRST_LINE + record + other + shared + pack_end(2)
    restore(third.tables, third.options, read_snapshot(data), third.now_ms)
    assert {topic: set(names) for topic, names in third.topics.items()} == {
        "T1": {"a"},
        "T3": {"b"},
        "T4": {"b"},
    }

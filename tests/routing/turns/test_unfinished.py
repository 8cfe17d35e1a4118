"""Requests and events that take several turns of the loop, and who waits meanwhile."""

from typing import Any

import pytest

from namesrv.hot_path import Pause
from namesrv.routing.tables.busy_groups import MOST_SMALL_BODIES, BusyGroups
from namesrv.routing.turns import turn
from namesrv.routing.turns.unfinished import SPARED_UNITS, UnfinishedWork
from namesrv.testing.peer import (
    Broker,
    data_version,
    read_answers,
    registration,
    registration_body,
    request,
    topic_table,
)
from namesrv.work import WAIT, Steps
from tests.routing.world import RELOAD, World

TOPICS = [f"T{number}" for number in range(3000)]
"""More than a turn has room for, whatever is done to them."""
A = Broker("a", 0, "a:1")
B = Broker("b", 0, "b:1")


@pytest.fixture
def world() -> World:
    """`a` has all topics and `b` the first of them; work is left for the next turns."""
    world = World()
    world.register(A, registration_body(topic_table(*TOPICS)))
    body = registration_body(topic_table("T0", "B"))
    world.register(B, body, connection=world.connect())
    world.holds_work = True
    return world


def ends(world: World) -> int:
    """How many turns the work takes that is left."""
    turns = 0
    while world.state.unfinished:
        turns += 1
        world.next_step()
    return turns


def wiped(world: World) -> int:
    return sum(queues.get("a") == 4 for queues in world.topics.values())


def test_wiping_permissions_takes_several_turns_and_is_answered_then(
    world: World,
) -> None:
    lookup = request(105, {"topic": "B"})
    assert world.send(request(205, {"brokerName": "a"}) + lookup) == b""
    assert world.connection.pause == Pause.LATER
    begun = wiped(world)
    assert 0 < begun < len(TOPICS)
    world.next_step()
    assert begun < wiped(world) < len(TOPICS)
    assert ends(world) > 1
    assert wiped(world) == len(TOPICS)
    first, second = read_answers(world.late_output.pop(world.connection))
    assert first.ext_fields == {"wipeTopicCount": str(len(TOPICS))}
    assert second.code == 0 and world.connection.pause == Pause.NONE


def test_others_have_half_of_each_turn(world: World) -> None:
    world.send(request(205, {"brokerName": "a"}))
    world.state.turn.begin()
    world.state.unfinished.go_on(others_wait=True)
    assert 0 < world.state.turn.left <= SPARED_UNITS
    world.state.turn.begin()
    world.state.unfinished.go_on(others_wait=False)
    assert world.state.turn.left <= 0


@pytest.mark.parametrize("code", [104, 205, 327, 216, 103])
def test_a_busy_group_is_changed_by_nobody_else(world: World, code: int) -> None:
    world.send(request(205, {"brokerName": "a"}))
    other = world.connect()
    fields = {**A.ext_fields, "topic": "T0"}
    body = registration_body(topic_table("new")) if code == 103 else b""
    assert world.send(request(code, fields, body), other) == b""
    assert other.pause == Pause.TURN
    assert world.next_turn(other) == b""
    ends(world)
    world.holds_work = False
    assert world.only(world.next_turn(other)).code == 0


def test_a_topic_of_a_busy_group_is_not_registered_meanwhile(world: World) -> None:
    world.send(request(205, {"brokerName": "a"}))
    other = world.connect()
    body = b'{"queueDatas":[{"brokerName":"a","perm":6}]}'
    assert world.send(request(217, {"topic": "N"}, body), other) == b""
    assert other.pause == Pause.LATER and "N" not in world.topics
    ends(world)
    assert world.topics["N"] == {"a": 6}


def test_other_groups_go_on(world: World) -> None:
    world.send(request(205, {"brokerName": "a"}))
    other = world.connect()
    answer = world.send(request(205, {"brokerName": "b"}), other)
    assert world.only(answer).ext_fields == {"wipeTopicCount": "2"}


@pytest.mark.parametrize("how", ["104", "close", "expiry"])
def test_topics_of_a_gone_broker_go_in_steps_and_show_it_no_more(
    world: World, how: str
) -> None:
    assert world.route("T2999") is not None
    if how == "104":
        world.send(request(104, A.ext_fields), world.connect())
    elif how == "close":
        world.close()
    else:
        for info in world.live.entries():
            info.heartbeat_timeout_millis = 500 if info.broker_name == "a" else 5000
        world.tick(1000)
    assert "a" not in world.addrs
    assert 0 < len(world.topics) < len(TOPICS)
    # One of those that are still to go: not ready, then from ready bytes.
    assert world.route("T2998", connection=world.connect()) is None
    route = world.route("T0", connection=world.connect())
    assert [broker["brokerName"] for broker in route["brokerDatas"]] == ["b"]
    ends(world)
    assert set(world.topics) == {"T0", "B"}
    assert world.tables.routes == 2


def test_a_broker_comes_back_only_when_all_of_it_is_gone(world: World) -> None:
    world.send(request(104, A.ext_fields))
    other = world.connect()
    again = registration(A, registration_body(topic_table("T2999", "T2998")))
    assert world.send(again, other) == b"" and other.pause == Pause.TURN
    ends(world)
    world.next_turn(other)
    assert world.topics["T2999"] == {"a": 6}
    assert set(world.topics) == {"T2999", "T2998", "T0", "B"}


def begin_again(world: World, addr: str = "a:2") -> Any:
    """`a` registers all its topics anew from another address, in steps."""
    other = world.connect()
    body = registration_body(
        topic_table(*TOPICS, queues=3), version=data_version(counter=2)
    )
    assert world.send(registration(Broker("a", 0, addr), body), other) == b""
    assert other.pause == Pause.LATER
    return other


def test_no_route_mixes_two_registrations(world: World) -> None:
    for topic in ("T0", "T1", "T2999"):
        world.route(topic)
    old = world.route("T2999")
    other = begin_again(world)
    reader = world.connect()
    seen = []
    for _ in range(100):
        data = world.send(request(105, {"topic": "T2999"}), reader)
        if not data:
            assert reader.pause == Pause.TURN
        while reader.pause == Pause.TURN:
            world.next_step()
            data += world.next_turn(reader)
        seen.append(world.only(data).json)
        world.next_step()
    route = seen[-1]
    assert route["brokerDatas"][0]["brokerAddrs"] == {"0": "a:2"}
    assert route["queueDatas"][0]["readQueueNums"] == 3
    assert all(one in (old, route) for one in seen)
    assert other.pause == Pause.NONE


def test_registrations_in_steps_go_one_by_one(world: World) -> None:
    begin_again(world)
    other = world.connect()
    body = registration_body(topic_table("T1", "U")).ljust(5000)
    assert world.send(registration(Broker("c", 0, "c:1"), body), other) == b""
    assert other.pause == Pause.TURN
    ends(world)
    world.holds_work = False
    assert world.only(world.next_turn(other)).code == 0


def test_a_small_registration_does_not_wait_for_a_large_one(world: World) -> None:
    begin_again(world)
    answer = world.send(registration(Broker("c", 0, "c:1")), world.connect())
    assert world.only(answer).code == 0 and world.state.unfinished


def test_a_repetition_of_the_last_registration_is_not_taken_for_one(
    world: World,
) -> None:
    old = registration(A, registration_body(topic_table(*TOPICS)))
    world.holds_work = False
    world.send(old)
    world.holds_work = True
    begin_again(world, "a:1")
    while not world.tables.busy.hides(["a"]):
        world.next_step()
    last = world.connect()
    assert world.send(old, last) == b"" and last.pause == Pause.TURN


def test_a_connection_that_ends_in_the_middle_takes_its_broker_along(
    world: World,
) -> None:
    other = begin_again(world)
    world.close(other)
    ends(world)
    assert "a" not in world.addrs and set(world.topics) == {"T0", "B"}


def test_a_connection_that_ends_in_its_next_request_takes_that_broker_along(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by whole sessions: the end of the first request stood for the second's."""
    monkeypatch.setattr(turn, "TURN_UNITS", SPARED_UNITS)  # each turn is one step
    peer = world.connect()
    large = registration_body(topic_table(*TOPICS))
    registered = registration(Broker("c", 0, "c:1"), large)
    world.send(request(205, {"brokerName": "a"}) + registered, peer)
    while peer not in world.late_output:
        world.next_step()
    for _ in range(3):
        world.next_step()
    assert peer.pause == Pause.LATER and ("c1", "c:1") not in world.live_keys
    assert world.state.unfinished.is_asking(peer)
    world.close(peer)
    ends(world)
    assert ("c1", "c:1") not in world.live_keys
    assert world.has_event("new broker registered")


def test_a_snapshot_has_a_busy_group_as_it_was(world: World) -> None:
    world.send(request(205, {"brokerName": "a"}))
    again = World()
    again.begin_warm(world.packed_routes(), 1000)
    assert set(again.addrs) == {"b"}
    ends(world)
    again = World()
    again.begin_warm(world.packed_routes(), 1000)
    assert wiped(again) == len(TOPICS)


def test_our_own_end_finishes_what_was_begun(world: World) -> None:
    world.send(request(205, {"brokerName": "a"}))
    world.close()
    world.state.unfinished.finish()
    assert not world.state.unfinished
    assert "a" not in world.addrs and set(world.topics) == {"T0", "B"}


def test_our_own_end_drops_endless_reads_and_no_change(world: World) -> None:
    closed: list[str] = []

    def read(name: str) -> Steps[None]:
        try:
            while True:
                yield 1000
        finally:
            closed.append(name)

    unfinished: UnfinishedWork = world.state.unfinished
    for name in ("one", "two"):
        unfinished.put(read(name), world.connect(), is_reading=True)
    world.send(request(205, {"brokerName": "a"}))
    unfinished.finish()
    assert not unfinished
    assert sorted(closed) == ["one", "two"]
    assert wiped(world) == len(TOPICS)


def test_a_mistake_of_ours_ends_only_the_work_that_has_it() -> None:
    world = World()
    unfinished: UnfinishedWork = world.state.unfinished
    done = []

    def wrong() -> Steps[None]:
        yield WAIT
        raise KeyError("ours")

    def right() -> Steps[None]:
        yield WAIT
        done.append(1)

    unfinished.begin(wrong())
    unfinished.begin(right())
    unfinished.finish()
    world.flush()
    assert done == [1] and "ours" in str(world.event("internal error")["error"])


def test_a_request_whose_work_fails_is_not_waited_for() -> None:
    world = World()

    def wrong() -> Steps[None]:
        yield WAIT
        raise KeyError("ours")

    connection = world.connect()
    world.state.unfinished.put(wrong(), connection, is_reading=False)
    assert world.state.unfinished.is_asking(connection)
    world.state.unfinished.finish()
    world.flush()
    assert world.closed == [connection] and world.has_event("internal error")
    assert not world.state.unfinished.is_asking(connection)


def counted(done: list[str], name: str, steps: int) -> Steps[None]:
    for _ in range(steps):
        yield SPARED_UNITS // 2
    done.append(name)


def test_what_changes_the_tables_does_not_wait_for_many_who_read() -> None:
    world = World()
    world.holds_work = True
    unfinished, done = world.state.unfinished, list[str]()
    for number in range(100):
        reader = world.connect(f"10.0.1.{number}:1")
        unfinished.put(counted(done, "read", 100), reader, is_reading=True)
    unfinished.put(counted(done, "change", 20), world.connection, is_reading=False)
    for _ in range(20):
        world.next_step()
    assert done == ["change"]


def test_each_address_has_one_share_of_what_changes_the_tables() -> None:
    world = World()
    world.holds_work = True
    unfinished, done = world.state.unfinished, list[str]()
    for number in range(100):
        greedy = world.connect(f"10.0.0.66:{number}")
        unfinished.put(counted(done, "greedy", 40), greedy, is_reading=False)
    unfinished.put(counted(done, "modest", 20), world.connection, is_reading=False)
    for _ in range(30):
        world.next_step()
    assert done == ["modest"]


def test_new_requests_leave_groups_to_who_waits_for_them() -> None:
    busy = BusyGroups()
    waiting = busy.wait_all({"a", "b"})
    with busy.hold("a"):
        assert next(waiting) == WAIT
    assert busy.is_busy("a") and busy.is_busy("b") and not busy.is_busy("c")
    assert list(waiting) == []
    assert not busy.are_busy(["a", "b"])


def test_a_registration_begun_under_other_options_is_not_recognised(
    world: World,
) -> None:
    other = begin_again(world)
    begun = world.processor.cold_calls
    while not world.tables.busy.hides(["a"]):
        world.next_step()
    world.state.configuration.apply({"deleteTopicWithBrokerRegistration": True}, RELOAD)
    ends(world)
    assert other.pause == Pause.NONE and world.processor.cold_calls == begun
    info = world.live.get("c1", "a:2")
    assert info is not None and info.digest is None


def test_small_registrations_at_hand_are_few(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "TURN_UNITS", 100)
    names = [f"n{number}" for number in range(2 * MOST_SMALL_BODIES)]
    body = registration_body()
    peers = [world.connect() for _ in names]
    for name, peer in zip(names, peers, strict=True):
        world.send(registration(Broker(name, 0, name), body), peer)
    begun = sum(peer.pause == Pause.LATER for peer in peers)
    assert begun == MOST_SMALL_BODIES
    assert {peer.pause for peer in peers} == {Pause.LATER, Pause.TURN}
    ends(world)
    world.holds_work = False
    for peer in peers:
        if peer.pause == Pause.TURN:
            world.next_turn(peer)
    assert set(names) <= set(world.addrs)


def test_digests_are_forgotten_in_steps_and_trusted_by_nobody_meanwhile() -> None:
    world = World()
    brokers = [Broker(f"b{number}", 0, f"b:{number}") for number in range(1500)]
    for broker in brokers:
        world.register(broker)
    world.holds_work = True
    calls = world.processor.cold_calls
    world.state.turn.begin()
    world.state.configuration.apply({"deleteTopicWithBrokerRegistration": True}, RELOAD)
    assert world.state.unfinished
    world.send(registration(brokers[-1]))
    assert world.processor.cold_calls == calls + 1
    ends(world)
    assert all(info.digest is None for info in world.live.entries())
    for _ in range(2):
        world.send(registration(brokers[0]))
    assert world.processor.cold_calls == calls + 2

"""Who is alive: expiry, ends of connections, and stalls of our own process."""

import pytest

from namesrv.routing.brokers.stalls import GRACE_MILLIS, STALL_MILLIS, TICK_MILLIS
from namesrv.testing.peer import (
    Broker,
)
from tests.routing.world import World

MASTER = Broker("b", 0, "m:1")
SLAVE = Broker("b", 1, "s1:1")
OTHER = Broker("o", 0, "o:1")
MOVED = Broker("b", 0, "m:1", "c2")
SCAN_MILLIS = 5000
TIMEOUT_MILLIS = 120_000
DAY_MILLIS = 86_400_000


def timeout(millis: int) -> dict[str, str | None]:
    return {"heartbeatTimeoutMillis": str(millis)}


@pytest.fixture
def ticking(world: World) -> World:
    """A server that has begun to tick."""
    world.tick()
    return world


# --- expiry ---------------------------------------------------------------------------


def test_a_silent_broker_is_gone_after_its_timeout_and_a_scan(ticking: World) -> None:
    ticking.register(MASTER)
    ticking.run(TIMEOUT_MILLIS)
    assert ticking.addrs == {"b": {0: "m:1"}}
    ticking.run(SCAN_MILLIS + TICK_MILLIS)
    assert ticking.addrs == {} and ticking.topics == {} and len(ticking.live) == 0
    event = ticking.event("broker expired")
    assert event["timeout_millis"] == TIMEOUT_MILLIS
    silent_millis = event["silent_millis"]
    assert isinstance(silent_millis, int)
    assert TIMEOUT_MILLIS < silent_millis <= TIMEOUT_MILLIS + SCAN_MILLIS + 500


def test_a_broker_may_choose_its_timeout(ticking: World) -> None:
    ticking.register(MASTER, ext=timeout(1000))
    ticking.run(SCAN_MILLIS + TICK_MILLIS)
    assert ticking.addrs == {}


@pytest.mark.parametrize("millis", [0, -5])
def test_a_timeout_of_nothing_expires_with_the_next_scan(
    ticking: World, millis: int
) -> None:
    ticking.register(MASTER, ext=timeout(millis))
    ticking.run(SCAN_MILLIS)
    assert ticking.addrs == {}


@pytest.mark.parametrize("code", [904, 322, 103])
def test_any_sign_of_life_keeps_a_broker(ticking: World, code: int) -> None:
    ticking.register(MASTER, ext=timeout(3000))
    for _ in range(20):
        ticking.run(2000)
        if code == 103:
            ticking.register(MASTER, ext=timeout(3000))
        else:
            ticking.ask(code, MASTER.ext_fields)
    assert ticking.addrs == {"b": {0: "m:1"}}


def test_other_traffic_keeps_nobody(ticking: World) -> None:
    ticking.register(MASTER, ext=timeout(3000))
    for _ in range(5):
        ticking.run(2000)
        ticking.ask(901, MASTER.ext_fields)
        ticking.route("T1")
    assert ticking.addrs == {}


def test_an_expired_master_leaves_its_slave(ticking: World) -> None:
    acting: dict[str, str | None] = {"enableActingMaster": "true"}
    ticking.register(MASTER, ext={**acting, **timeout(1000)})
    ticking.register(SLAVE, ext=acting)
    ticking.run(SCAN_MILLIS)
    assert ticking.addrs == {"b": {1: "s1:1"}}
    assert ticking.topics["T1"] == {"b": 4}


def test_expiry_closes_the_connection(ticking: World) -> None:
    ticking.register(MASTER, ext=timeout(1000))
    ticking.run(SCAN_MILLIS)
    assert ticking.closed == [ticking.connection]


def test_expiry_leaves_a_connection_open_that_carries_a_live_broker(
    ticking: World,
) -> None:
    ticking.register(MASTER, ext=timeout(1000))
    ticking.register(OTHER)
    ticking.run(SCAN_MILLIS)
    assert ticking.addrs == {"o": {0: "o:1"}}
    assert ticking.closed == []


def test_a_broker_that_went_elsewhere_does_not_keep_a_connection_open(
    ticking: World,
) -> None:
    ticking.register(MASTER, ext=timeout(1000))
    ticking.register(OTHER)
    ticking.register(OTHER, connection=ticking.connect())
    ticking.run(SCAN_MILLIS)
    assert ticking.closed == [ticking.connection]


def test_all_brokers_of_a_connection_may_expire_at_once(ticking: World) -> None:
    for broker in (MASTER, OTHER):
        ticking.register(broker, ext=timeout(1000))
    ticking.run(SCAN_MILLIS)
    assert ticking.addrs == {}
    assert set(ticking.closed) == {ticking.connection}


def test_the_interval_of_scans_is_an_option() -> None:
    world = World(scan_not_active_broker_interval=20_000)
    world.tick()
    world.register(MASTER, ext=timeout(1000))
    world.run(19_500)
    assert world.addrs != {}
    world.run(1000)
    assert world.addrs == {}


def test_the_interval_can_change_while_the_server_runs(ticking: World) -> None:
    ticking.ask(318, None, b"scanNotActiveBrokerInterval=1000")
    ticking.run(SCAN_MILLIS)
    ticking.register(MASTER, ext=timeout(100))
    ticking.run(1500)
    assert ticking.addrs == {}


def test_a_shorter_interval_does_not_wait_for_the_end_of_the_longer_one() -> None:
    world = World(scan_not_active_broker_interval=DAY_MILLIS)
    world.tick()
    world.register(MASTER, ext=timeout(100))
    world.run(1500)
    assert world.addrs != {}
    world.ask(318, None, b"scanNotActiveBrokerInterval=1000")
    world.run(500)
    assert world.addrs == {}


def test_an_entry_whose_group_has_another_address_goes(ticking: World) -> None:
    ticking.register(MASTER, ext=timeout(1000))
    ticking.ask(104, {**MASTER.ext_fields, "clusterName": "wrong"})
    assert ticking.live_keys == {("c1", "m:1")} and ticking.addrs == {}
    ticking.run(SCAN_MILLIS)
    assert len(ticking.live) == 0


# --- ends of connections --------------------------------------------------------------


def test_the_end_of_a_connection_takes_all_its_brokers(ticking: World) -> None:
    for broker in (MASTER, OTHER):
        ticking.register(broker)
    ticking.close()
    assert ticking.addrs == {} and len(ticking.live) == 0
    event = ticking.event("connection of a broker closed")
    assert event["remote"] == "10.0.0.9:40000"


def test_the_end_of_a_connection_that_carried_nobody(ticking: World) -> None:
    ticking.register(MASTER)
    ticking.close(ticking.connect())
    assert ticking.addrs == {"b": {0: "m:1"}}


def test_a_late_end_does_not_take_who_registered_elsewhere(ticking: World) -> None:
    """P1."""
    new = ticking.connect()
    ticking.register(MASTER)
    ticking.register(OTHER)
    ticking.register(MASTER, connection=new)
    ticking.close()
    assert ticking.addrs == {"b": {0: "m:1"}}
    ticking.close(new)
    assert ticking.addrs == {}


def test_a_late_end_after_expiry_and_return(ticking: World) -> None:
    """P1: expiry, close told, the broker is back before the close happens."""
    ticking.register(MASTER, ext=timeout(1000))
    ticking.run(SCAN_MILLIS)
    assert ticking.closed == [ticking.connection]
    ticking.register(MASTER, connection=ticking.connect())
    ticking.close()
    assert ticking.addrs == {"b": {0: "m:1"}}


def test_the_end_of_an_older_registration_in_another_cluster(ticking: World) -> None:
    """P1: an older event removes by the key of its own registration."""
    new = ticking.connect()
    ticking.register(MASTER)
    ticking.register(MOVED, connection=new)
    ticking.close()
    assert ticking.addrs == {"b": {0: "m:1"}} and ticking.topics["T1"] == {"b": 6}
    assert ticking.live_keys == {("c2", "m:1")}
    ticking.close(new)
    assert ticking.addrs == {} and ticking.tables.cluster_addr_table == {}


def test_an_older_registration_in_another_cluster_expires_alone(
    ticking: World,
) -> None:
    """P1."""
    new = ticking.connect()
    ticking.register(MASTER, ext=timeout(1000))
    ticking.register(MOVED, connection=new)
    ticking.run(2 * SCAN_MILLIS)
    assert ticking.closed == [ticking.connection]
    assert ticking.addrs == {"b": {0: "m:1"}}
    assert ticking.live_keys == {("c2", "m:1")}
    assert ticking.event("broker expired")["registered_in"] == "c2"


def test_heartbeats_elsewhere_do_not_move_a_broker(ticking: World) -> None:
    ticking.register(MASTER)
    ticking.ask(904, MASTER.ext_fields, connection=ticking.connect())
    ticking.close()
    assert ticking.addrs == {}


def test_an_end_may_be_told_twice(ticking: World) -> None:
    ticking.register(MASTER)
    ticking.close()
    ticking.close()
    assert ticking.addrs == {}


# --- stalls of our own process --------------------------------------------------------


def stall(world: World, millis: int = 60_000) -> None:
    """The process stands still; then its timers run first."""
    world.tick(millis)


def is_holding(world: World) -> bool:
    """Whether what peers have sent last may still be unread."""
    return world.liveness.read_until_ms(world.now_ms) < world.now_ms


def test_regular_ticks_are_no_stall(ticking: World) -> None:
    ticking.run(10_000)
    ticking.tick(STALL_MILLIS)
    assert not is_holding(ticking)


def test_a_late_tick_is_a_stall(ticking: World) -> None:
    ticking.tick(STALL_MILLIS + 1)
    assert is_holding(ticking)
    event = ticking.event(
        "this process stood still, nobody is declared dead for a while"
    )
    assert event["stall_millis"] == STALL_MILLIS + 1 - TICK_MILLIS
    ticking.run(GRACE_MILLIS)
    assert not is_holding(ticking)


def test_the_first_tick_is_never_late(world: World) -> None:
    world.tick(1_000_000)
    assert not is_holding(world)


def test_nobody_expires_for_our_stall(ticking: World) -> None:
    """P3: deadlines move by its length."""
    ticking.register(MASTER, ext=timeout(30_000))
    ticking.run(10_000)
    stall(ticking)
    assert len(ticking.live) == 1
    ticking.run(19_500)
    assert len(ticking.live) == 1, "20 s were left before the stall"
    ticking.ask(904, MASTER.ext_fields)
    ticking.run(29_000)
    assert len(ticking.live) == 1


def test_who_stays_silent_after_a_stall_is_gone(ticking: World) -> None:
    """P4: after the timeout, plus the stall, plus the grace and one scan."""
    ticking.register(MASTER, ext=timeout(30_000))
    stall(ticking)
    ticking.run(30_000 + GRACE_MILLIS + SCAN_MILLIS + TICK_MILLIS)
    assert ticking.addrs == {}


def test_ends_are_held_after_a_stall(ticking: World) -> None:
    new = ticking.connect()
    ticking.register(MASTER)
    ticking.register(OTHER)
    stall(ticking)
    ticking.close()
    assert len(ticking.live) == 2
    ticking.run(1000)
    ticking.register(MASTER, connection=new)
    ticking.run(GRACE_MILLIS)
    assert ticking.addrs == {"b": {0: "m:1"}}, "the other one has not come back"


def test_an_end_may_come_before_the_late_tick(ticking: World) -> None:
    ticking.register(MASTER)
    ticking.now_ms += 60_000
    ticking.close()
    assert len(ticking.live) == 1
    ticking.register(MASTER, connection=ticking.connect())
    ticking.run(GRACE_MILLIS + SCAN_MILLIS)
    assert ticking.addrs == {"b": {0: "m:1"}}


def test_a_held_end_counts_once_the_grace_is_over(ticking: World) -> None:
    ticking.register(MASTER)
    stall(ticking)
    ticking.close()
    ticking.run(GRACE_MILLIS - TICK_MILLIS)
    assert len(ticking.live) == 1
    ticking.run(TICK_MILLIS)
    assert ticking.addrs == {}


def test_a_second_stall_holds_on(ticking: World) -> None:
    ticking.register(MASTER)
    stall(ticking)
    ticking.close()
    ticking.run(2000)
    stall(ticking)
    ticking.run(GRACE_MILLIS - TICK_MILLIS)
    assert len(ticking.live) == 1
    ticking.run(TICK_MILLIS)
    assert len(ticking.live) == 0


def test_a_stall_that_an_end_has_noticed_counts_once(ticking: World) -> None:
    ticking.register(MASTER, ext=timeout(30_000))
    ticking.now_ms += 60_000
    ticking.close(ticking.connect())
    ticking.tick()
    info = ticking.live.get("c1", "m:1")
    assert info is not None
    assert info.last_update_timestamp == 60_000 - TICK_MILLIS


def test_nobody_dies_while_we_tell_brokers_to_go_elsewhere(ticking: World) -> None:
    """Their heartbeats are turned away, so that their silence says nothing."""
    ticking.register(MASTER, ext=timeout(1000))
    ticking.state.drain(ticking.now_ms)
    ticking.run(60_000)
    assert ticking.addrs == {"b": {0: "m:1"}}
    assert ticking.closed == []


# --- work of our own ------------------------------------------------------------------


def work(world: World, millis: int = 8000) -> None:
    """One piece of work keeps the process busy; then its timers run first."""
    world.work(millis)
    world.tick()


def test_work_of_our_own_moves_no_deadline(ticking: World) -> None:
    ticking.register(MASTER, ext=timeout(1000))
    work(ticking)
    info = ticking.live.get("c1", "m:1")
    assert info is not None and info.last_update_timestamp == 0
    event = ticking.event("one piece of work took long, ends are held for a moment")
    assert event["machine_millis"] == 0 and event["hold_millis"] == GRACE_MILLIS


def test_work_of_our_own_holds_an_end_no_longer_than_it_was(ticking: World) -> None:
    ticking.register(MASTER)
    work(ticking, 2000)
    ticking.close()
    ticking.run(2000 - TICK_MILLIS)
    assert len(ticking.live) == 1
    ticking.run(TICK_MILLIS)
    assert len(ticking.live) == 0


def test_who_comes_back_after_work_of_our_own_is_not_lost(ticking: World) -> None:
    """The end of the old connection is read before the new one."""
    ticking.register(MASTER)
    work(ticking)
    ticking.close()
    ticking.register(MASTER, connection=ticking.connect())
    ticking.run(GRACE_MILLIS + SCAN_MILLIS)
    assert len(ticking.live) == 1


def test_a_sign_of_life_that_came_while_we_worked_is_read_first(ticking: World) -> None:
    ticking.register(MASTER, ext=timeout(1000))
    work(ticking)
    assert len(ticking.live) == 1, "not before what came meanwhile was read"
    ticking.ask(904, MASTER.ext_fields)
    ticking.run(500)
    assert len(ticking.live) == 1


@pytest.mark.parametrize("pause", [0, 100, 900, 2500])
@pytest.mark.parametrize("length", [1600, 4000, 30_000])
def test_work_again_and_again_keeps_no_dead_broker(
    ticking: World, length: int, pause: int
) -> None:
    """P4: stalls that peers cause do not add up."""
    ticking.register(MASTER, ext=timeout(1000))
    other = ticking.connect()
    ticking.register(OTHER, connection=other)
    work(ticking, length)
    ticking.close(other)
    ends_ms = ticking.now_ms + min(length, GRACE_MILLIS) + length + pause
    while len(ticking.live):
        assert ticking.now_ms <= ends_ms + SCAN_MILLIS + length
        ticking.run(pause)
        work(ticking, length)
        if ticking.now_ms > ends_ms:
            assert ("c1", "o:1") not in ticking.live_keys


def test_work_after_work_is_read_in_between(ticking: World) -> None:
    """P3: a broker that beats between two stalls stays, though it is read late."""
    ticking.register(MASTER, ext=timeout(2500))
    for _ in range(20):
        work(ticking, 2000)
        ticking.ask(904, MASTER.ext_fields)
        ticking.tick(50)
    assert len(ticking.live) == 1


def test_input_between_two_pieces_of_work_counts_once_the_first_hold_is_over(
    ticking: World,
) -> None:
    """P4, found by the simulator: it counted only once the second hold was over."""
    work(ticking, 4000)
    ticking.run(3000)
    began_ms = ticking.now_ms
    work(ticking, 4000)
    assert is_holding(ticking)
    read_ms = ticking.liveness.read_until_ms(ticking.now_ms)
    assert began_ms - 500 <= read_ms < began_ms, "the tick before the last one"


def test_input_of_a_grace_counts_after_it_although_work_follows(
    ticking: World,
) -> None:
    """P4, found by the simulator: it counted only once the hold was over."""
    stall(ticking)
    ticking.register(MASTER, ext=timeout(4000))
    ticking.run(GRACE_MILLIS - TICK_MILLIS)
    work(ticking, 2000)
    assert is_holding(ticking)
    ticking.run(TICK_MILLIS)
    assert len(ticking.live) == 0, "silent for the timeout before the work"


def test_a_busy_process_that_was_starved_moves_deadlines_by_the_rest(
    ticking: World,
) -> None:
    """Half of the pause was our own work: it begins no grace that others renew."""
    ticking.register(MASTER, ext=timeout(30_000))
    ticking.work(4000)
    stall(ticking, 4000)
    info = ticking.live.get("c1", "m:1")
    assert info is not None
    assert info.last_update_timestamp == 4000 - TICK_MILLIS
    ticking.close()
    ticking.run(3000)
    ticking.work(3000)
    stall(ticking, 3000)
    assert len(ticking.live) == 0, "it was held for one grace interval already"


def test_a_stall_of_the_machine_holds_on_through_work(ticking: World) -> None:
    ticking.register(MASTER)
    stall(ticking)
    ticking.close()
    work(ticking, 2000)
    assert len(ticking.live) == 1
    ticking.run(GRACE_MILLIS)
    assert len(ticking.live) == 0


def test_what_work_left_unread_is_unread_after_a_stall_of_the_machine(
    ticking: World,
) -> None:
    """Found by the simulator: a connection was closed as idle in the grace."""
    ticking.run(1000)
    work(ticking)
    ticking.run(3000)
    stall(ticking)
    assert ticking.liveness.read_until_ms(ticking.now_ms) <= 1000
    ticking.run(GRACE_MILLIS - TICK_MILLIS)
    assert ticking.liveness.read_until_ms(ticking.now_ms) <= 1000
    ticking.run(2 * TICK_MILLIS)
    assert not is_holding(ticking)

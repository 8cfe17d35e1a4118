"""DELETE of a broker: only its last registration removes it (P1)."""

from namesrv.testing.peer import Broker
from tests.admin.brokers.asking import ADDR, BROKER, HttpPeer, request, said
from tests.routing.restart import restarted
from tests.routing.world import World

JAVA = Broker("h", 0, ADDR)
OTHERS = Broker("o", 0, ADDR)


def test_last_registration_is_removed(http: HttpPeer, world: World) -> None:
    first = http.register()
    second = http.register()
    late = http.delete(first)
    assert late.status == 409
    assert late.detail == (
        f"broker 'h' with id 0 of cluster 'c1' at {ADDR} has registered again since"
        f" registration {first}, and stays; only its last registration removes it"
    )
    assert http.delete(second).status == 204
    assert world.live_keys == set() and world.topics == {}
    gone = http.delete(second)
    assert gone.status == 404
    assert gone.detail.endswith("is not registered; there is nothing to remove")


def test_removal_is_reported_as_one_over_http(http: HttpPeer, world: World) -> None:
    http.delete(http.register())
    event = world.event("broker unregistered")
    assert event["remote"] == "10.0.0.7:50000" and event["topics"] == 2


def test_registration_has_to_be_named(http: HttpPeer) -> None:
    http.register()
    said = http.ask("DELETE", f"{BROKER}?broker_addr={ADDR}")
    assert said.status == 400 and "registration" in said.detail
    assert http.delete("5").status == 400


def test_broker_that_registers_while_a_removal_waits_stays(
    http: HttpPeer, world: World
) -> None:
    registration = http.register()
    world.holds_work = True
    world.state.turn.begin()
    target = f"{BROKER}?broker_addr={ADDR}&registration={registration}"
    with world.tables.busy.hold("h"):
        assert http.send(request("DELETE", target)) == b""
    world.register(JAVA)
    assert said(http.next_turn()).status == 409
    assert world.live_keys == {("c1", ADDR)}


def test_another_group_at_the_address_stays(http: HttpPeer, world: World) -> None:
    registration = http.register()
    world.register(OTHERS)
    assert http.delete(registration).status == 404
    assert ("c1", ADDR) in world.live_keys


def test_unregistration_on_a_connection_removes_a_broker_over_http(
    http: HttpPeer, world: World
) -> None:
    http.register()
    assert world.ask(104, JAVA.ext_fields).code == 0
    assert world.live_keys == set()


def test_late_unregistration_of_a_connection_removes_nothing(
    http: HttpPeer, world: World
) -> None:
    world.register(JAVA)
    http.register()
    assert world.ask(104, JAVA.ext_fields).code == 0
    assert world.live_keys == {("c1", ADDR)}


# --- restarts of the server -----------------------------------------------------------


def test_broker_may_go_after_a_restart(http: HttpPeer, world: World) -> None:
    registration = http.register()
    again = HttpPeer(restarted_as_another_run(world))
    assert again.beat() == 204
    assert again.delete(registration).status == 204


def test_broker_of_this_run_is_not_removed_by_an_earlier_one(
    http: HttpPeer, world: World
) -> None:
    registration = http.register()
    again = HttpPeer(restarted_as_another_run(world))
    own = again.register()
    assert own != registration
    assert again.delete(registration).status == 409
    assert again.delete(own).status == 204


def test_broker_keeps_the_rest_of_its_lease(http: HttpPeer, world: World) -> None:
    http.register(heartbeat_timeout_millis=20_000)
    world.run(15_000)
    after = restarted_as_another_run(world, lease_millis=60_000)
    after.run(50_000)
    assert after.live_keys == {("c1", ADDR)}
    last = restarted_as_another_run(after, lease_millis=60_000)
    last.run(10_000)
    assert last.live_keys == {("c1", ADDR)}
    last.run(6_000)
    assert last.live_keys == set()


def restarted_as_another_run(world: World, lease_millis: int = 90_000) -> World:
    other = restarted(world, lease_millis)
    other.state.run = world.state.run + "1"
    return other

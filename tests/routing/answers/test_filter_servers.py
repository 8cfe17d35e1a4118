"""Filter servers in routes: which ready answers a change of them voids, and when."""

import pytest

from namesrv.testing.peer import Broker, lookup, registration_body, topic_table
from namesrv.work import STEP_UNITS, Cost, finish
from tests.routing.world import World

A = Broker("a", 0, "x:1", "c1")
B_AT_THE_SAME_ADDRESS = Broker("b", 0, "x:1", "c1")
OTHER_CLUSTER = Broker("d", 0, "x:1", "c2")
ELSEWHERE = Broker("e", 0, "y:1", "c1")
BROKERS = {"TA": A, "TB": B_AT_THE_SAME_ADDRESS, "TD": OTHER_CLUSTER, "TY": ELSEWHERE}
SHOWN = {"x:1": ["f:1"]}


@pytest.fixture
def world() -> World:
    """Each broker has a topic, whose answer is ready."""
    world = World()
    for topic, broker in BROKERS.items():
        world.register(broker, body_of(topic))
    for topic in BROKERS:
        assert world.route(topic)["filterServerTable"] == {}
    return world


def body_of(topic: str, *filters: str) -> bytes:
    return registration_body(topic_table(topic, "other"), filters=list(filters))


def is_ready(world: World, topic: str) -> bool:
    cold = world.processor.cold_calls
    world.send(lookup(topic))
    return world.processor.cold_calls == cold


def test_groups_with_the_address_show_them_and_others_stay_ready(world: World) -> None:
    world.register(B_AT_THE_SAME_ADDRESS, body_of("TB", "f:1"))
    assert is_ready(world, "TD") and is_ready(world, "TY")
    assert not is_ready(world, "TA") and not is_ready(world, "TB")
    for topic, shown in {"TA": SHOWN, "TB": SHOWN, "TD": {}, "TY": {}}.items():
        assert world.route(topic)["filterServerTable"] == shown


def test_they_go_from_all_routes_with_their_broker(world: World) -> None:
    world.register(B_AT_THE_SAME_ADDRESS, body_of("TB", "f:1"))
    assert world.route("TA")["filterServerTable"] == SHOWN
    world.ask(104, B_AT_THE_SAME_ADDRESS.ext_fields)
    assert world.route("TA")["filterServerTable"] == {}
    assert is_ready(world, "TY")


def test_change_visits_groups_in_steps(world: World) -> None:
    for number in range(2000):
        world.register(Broker(f"g{number}", 0, f"z:{number}", "c1"), body_of("TY"))
    steps = world.tables.set_filter_servers(("c1", "x:1"), ["f:1"])
    units = list(steps)
    assert len(units) >= 2000 * Cost.GROUP // STEP_UNITS
    assert max(units) <= STEP_UNITS


def test_topic_that_goes_between_two_steps_does_not_come_back(world: World) -> None:
    names = [f"T{number}" for number in range(STEP_UNITS // Cost.TOPIC + 1)]
    broker = Broker("g", 0, "z:1", "c1")
    world.register(broker, registration_body(topic_table(*names)))
    for name in names:
        world.route(name)
    steps = world.tables.set_filter_servers(("c1", "z:1"), ["f:1"])
    next(steps)
    world.ask(216, {"topic": names[-1]})
    finish(steps)
    assert world.ask(105, {"topic": names[-1]}).code == 17
    assert len(world.tables.route_answers) == len(world.tables.topic_queue_table)

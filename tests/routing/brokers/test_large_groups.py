"""One broker group may have thousands of brokers: everything about it is linear."""

from collections.abc import Callable

import pytest

from namesrv.routing.brokers import min_broker_id
from namesrv.routing.brokers.min_broker_id import MOST_TOLD
from namesrv.testing.peer import Broker, registration_body, topic_table
from tests.routing.work import growth
from tests.routing.world import World

SIZE = 100
MOST_GROWTH = 2.2
BODY = registration_body(topic_table("x", "y"))
FILTERS = registration_body(topic_table("x", "y"), filters=["f:1"])
ACTING: dict[str, str | None] = {"enableActingMaster": "true"}


def broker(number: int, address: str = "a") -> Broker:
    return Broker("g", number, f"{address}{number}:1")


def registered(size: int, body: bytes = BODY) -> World:
    world = World()
    for number in range(size):
        world.register(broker(number), body)
    return world


def come(size: int) -> None:
    registered(size)


def come_downwards(size: int) -> None:
    world = World(notify_min_broker_id_changed=True)
    for number in reversed(range(size)):
        world.register(broker(number), BODY, ext=ACTING)


def come_again(size: int) -> None:
    world = registered(size)
    for number in range(size):
        world.register(broker(number), FILTERS)


def move(size: int) -> None:
    """Each id to another address, then each address to another id."""
    world = registered(size)
    for number in range(size):
        world.register(broker(number, "b"), BODY)
    for number in range(size):
        world.register(Broker("g", size + number, f"b{number}:1"), BODY)


def close(size: int) -> None:
    world = registered(size, FILTERS)
    world.close()
    assert world.addrs == {}


def close_an_acting_group(size: int) -> None:
    """Its lowest id goes each time, and it has topics of its own."""
    world = World(notify_min_broker_id_changed=True)
    topics = topic_table(*map(str, range(size)))
    world.register(broker(0), registration_body(topics), ext=ACTING)
    for number in range(1, size):
        world.register(broker(number), BODY, ext=ACTING)
    world.close()
    assert world.addrs == {}


def unregister(size: int) -> None:
    world = registered(size)
    for number in range(size):
        world.ask(104, broker(number).ext_fields)


def expire(size: int) -> None:
    world = registered(size)
    world.tick()
    for _ in range(100):
        world.tick(1400)
    world.tick(1400)
    assert world.addrs == {}


@pytest.mark.parametrize(
    "act",
    [come, come_downwards, come_again, move, close, close_an_acting_group]
    + [unregister, expire],
)
def test_work_with_one_group_is_linear(
    act: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(min_broker_id, "MOST_TOLD", 8)
    assert growth(act, SIZE) < MOST_GROWTH


def test_few_of_very_many_brokers_hear_of_a_change() -> None:
    world = World(notify_min_broker_id_changed=True)
    for number in range(MOST_TOLD + 20, 0, -1):
        world.register(broker(number), BODY)
    world.register(broker(0), BODY)
    told = world.notifications[-1].addresses
    assert told == tuple(f"a{number}:1" for number in range(1, MOST_TOLD + 1))

"""Words of brokers that nobody has heard yet, and how much a scan may take."""

from typing import Any

import pytest

from namesrv.hot_path import Pause
from namesrv.testing.peer import (
    Broker,
    registration,
    registration_body,
    request,
    topic_table,
)
from tests.routing.world import World

TIMEOUT_MILLIS = 120_000


@pytest.fixture
def ticking(world: World) -> World:
    """A server that has begun to tick, with one broker."""
    world.tick()
    world.register()
    return world


def fill_the_turn(world: World) -> None:
    world.send(request(999, {}) * 70, world.connect())


def test_what_a_broker_sent_counts_from_when_it_was_read(ticking: World) -> None:
    """Its connection waits in line; a broker is not dead because we are busy."""
    world = ticking
    world.run(TIMEOUT_MILLIS - 5000)
    fill_the_turn(world)
    read_ms = world.now_ms
    world.connection.receive(request(224, {"cluster": "c"}), read_ms)
    assert world.connection.pause == Pause.TURN
    world.run(TIMEOUT_MILLIS - 1000)
    assert world.live_keys and not world.closed
    world.run(8000)
    assert not world.live_keys
    assert not world.closed, "what it said last has no answer yet"


def test_what_others_sent_keeps_no_dead_broker(ticking: World) -> None:
    world = ticking
    world.run(TIMEOUT_MILLIS - 1000)
    fill_the_turn(world)
    other = world.connect()
    other.receive(request(224, {"cluster": "c"}), world.now_ms)
    world.run(8000)
    assert not world.live_keys


def test_a_registration_in_line_keeps_its_broker_from_wherever_it_came(
    ticking: World,
) -> None:
    world = ticking
    world.run(TIMEOUT_MILLIS - 1000)
    fill_the_turn(world)
    other = world.connect()
    other.receive(
        registration(Broker(), registration_body(topic_table("new"))), world.now_ms
    )
    assert other.pause == Pause.TURN
    world.run(TIMEOUT_MILLIS - 1000)
    assert world.live_keys
    world.run(8000)
    assert not world.live_keys


# --- how much a scan may take ---------------------------------------------------------


def test_a_scan_of_many_brokers_is_not_made_at_every_tick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With an interval of 10 ms and 20,000 brokers there would be time for nothing."""
    world = World(scan_not_active_broker_interval=10)
    for number in range(2000):
        world.register(Broker(f"b{number}", 0, f"b:{number}"))
    looked: list[int] = []
    unfinished = world.state.unfinished
    begin = unfinished.begin

    def look(steps: Any) -> None:
        looked.append(world.now_ms)
        begin(steps)

    monkeypatch.setattr(unfinished, "begin", look)
    for _ in range(100):
        world.tick(10)
    assert len(looked) == 10


def test_a_scan_does_not_begin_before_the_last_one_has_ended() -> None:
    world = World(scan_not_active_broker_interval=10)

    def come_and_die() -> None:
        for number in range(100):
            broker = Broker(f"b{number}", 0, f"b:{number}")
            world.register(broker, ext={"heartbeatTimeoutMillis": "500"})
        world.holds_work = True
        world.tick(1000)

    come_and_die()
    for _ in range(2):
        world.tick(1000)
    turns = 0
    while world.state.unfinished:
        turns += 1
        world.next_step()
    assert 1 < turns < 20, "one scan, not three"
    assert world.live_keys == set()
    world.holds_work = False
    come_and_die()
    world.tick(1000)
    assert world.state.unfinished

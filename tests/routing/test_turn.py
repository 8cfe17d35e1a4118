"""How much of a turn of the loop requests that need the processor may take."""

from collections.abc import Callable

import pytest

from namesrv.hot_path import LARGE_REGISTRATION_BYTES, Pause
from namesrv.routing.turn import TURN_UNITS, UNIT_BYTES, Turn
from tests.routing.peer import Broker, read_answers, registration_body, request
from tests.routing.world import World

MANY = 3 * TURN_UNITS


def answered(world: World, data: bytes) -> list[int]:
    """How many requests of `data` were answered in each turn that it took."""
    counts = [len(read_answers(world.send(data)))]
    while world.connection.pause == Pause.TURN:
        counts.append(len(read_answers(world.next_turn(world.connection))))
    return counts


@pytest.mark.parametrize("code", [999, 304, 105])
def test_requests_that_need_the_processor_leave_room_for_others(code: int) -> None:
    """105 without a topic needs it, too."""
    counts = answered(World(), request(code, {}) * MANY)
    assert counts == [TURN_UNITS] * 3
    assert answered(World(), request(code, {}) * (TURN_UNITS + 1)) == [TURN_UNITS, 1]
    assert answered(World(), request(code, {}) * TURN_UNITS) == [TURN_UNITS]


def test_one_way_requests_and_answers_nobody_asked_for_count_too() -> None:
    for flag in (1, 2):
        world = World()
        world.send(request(304, {}, flag=flag) * MANY)
        assert world.processor.cold_calls == TURN_UNITS
        assert world.connection.pause == Pause.TURN


def test_what_the_hot_path_answers_does_not_count() -> None:
    world = World()
    assert answered(world, request(105, {"topic": "unknown"}) * MANY) == [MANY]


@pytest.mark.parametrize("code", [104, 205, 327])
def test_what_concerns_all_topics_of_a_broker_takes_a_whole_turn(code: int) -> None:
    assert answered(World(), request(code, Broker().ext_fields) * 3) == [1, 1, 1]


def test_all_connections_share_one_turn() -> None:
    world = World()
    world.send(request(304, {}) * TURN_UNITS)
    late = world.connect()
    assert late.receive(request(304, {}), 0) == b""
    assert late.pause == Pause.TURN
    assert len(read_answers(world.next_turn(late))) == 1


def test_lookups_of_ready_routes_go_on_when_the_turn_is_over() -> None:
    world = World()
    world.register()
    lookup = request(105, {"topic": "T1"})
    world.send(lookup)
    world.send(request(304, {}) * MANY)
    other = world.connect()
    assert len(read_answers(other.receive(lookup * 5, 0))) == 5


@pytest.fixture
def turn() -> Callable[[int, int], int]:
    """How many requests of these sizes fit into a turn."""

    def count(request_bytes: int, answer_bytes: int) -> int:
        turn = Turn(World().state.hot)
        for spent in range(10 * TURN_UNITS):
            if turn.is_over:
                return spent
            turn.spend(999, request_bytes, answer_bytes)
        return 0

    return count


def test_long_requests_and_answers_count_more(turn: Callable[[int, int], int]) -> None:
    assert turn(0, 0) == turn(UNIT_BYTES - 1, 0) == TURN_UNITS
    assert turn(UNIT_BYTES, 0) == turn(0, UNIT_BYTES) == TURN_UNITS // 2
    assert turn(0, TURN_UNITS * UNIT_BYTES) == 1
    # The connection lets one such registration through in a turn.
    assert turn(LARGE_REGISTRATION_BYTES, 0) == 0


def test_a_large_registration_waits_behind_a_turn_that_is_over() -> None:
    world = World()
    body = registration_body().ljust(LARGE_REGISTRATION_BYTES)
    large = request(103, Broker().ext_fields, body)
    data = request(304, {}) * TURN_UNITS + large + request(304, {})
    assert answered(world, data) == [TURN_UNITS, 1, 1]

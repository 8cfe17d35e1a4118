"""How much of a turn of the loop requests that need the processor may take."""

import pytest

from namesrv.hot_path import LARGE_REGISTRATION_BYTES, Pause
from namesrv.routing.turns.turn import TURN_UNITS, Turn, answer_units, request_units
from namesrv.testing.peer import Broker, read_answers, registration_body, request
from namesrv.work import WAIT, Cost, Steps
from tests.routing.world import World

IN_A_TURN = -(-TURN_UNITS // Cost.REQUEST)
MANY = 3 * IN_A_TURN


def answered(world: World, data: bytes) -> list[int]:
    """How many requests of `data` were answered in each turn that it took."""
    counts = [len(read_answers(world.send(data)))]
    while world.connection.pause == Pause.TURN:
        counts.append(len(read_answers(world.next_turn(world.connection))))
    return counts


@pytest.mark.parametrize("code", [999, 105])
def test_requests_that_need_the_processor_leave_room_for_others(code: int) -> None:
    """105 without a topic needs it, too."""
    counts = answered(World(), request(code, {}) * MANY)
    assert counts == [IN_A_TURN] * 3
    assert answered(World(), request(code, {}) * (IN_A_TURN + 1)) == [IN_A_TURN, 1]
    assert answered(World(), request(code, {}) * IN_A_TURN) == [IN_A_TURN]


def test_one_way_requests_and_answers_nobody_asked_for_count_too() -> None:
    for flag in (1, 2):
        world = World()
        world.send(request(999, {}, flag=flag) * MANY)
        assert world.processor.cold_calls == IN_A_TURN
        assert world.connection.pause == Pause.TURN


def test_what_the_hot_path_answers_does_not_count() -> None:
    world = World()
    assert answered(world, request(105, {"topic": "unknown"}) * MANY) == [MANY]


def test_all_connections_share_one_turn() -> None:
    world = World()
    world.send(request(999, {}) * IN_A_TURN)
    late = world.connect()
    assert late.receive(request(999, {}), 0) == b""
    assert late.pause == Pause.TURN
    assert len(read_answers(world.next_turn(late))) == 1


def test_lookups_of_ready_routes_go_on_when_the_turn_is_over() -> None:
    world = World()
    world.register()
    lookup = request(105, {"topic": "T1"})
    world.send(lookup)
    world.send(request(999, {}) * MANY)
    other = world.connect()
    assert len(read_answers(other.receive(lookup * 5, 0))) == 5


def header_units(header: bytes, serialize_type: int = 0) -> int:
    return request_units(serialize_type, header, None)


def test_a_usual_header_is_part_of_its_request() -> None:
    usual = request(105, {"topic": "T" * 100, "clusterName": "c"})[8:]
    assert header_units(usual) == header_units(b"x" * 256, 1) == Cost.REQUEST


@pytest.mark.parametrize(
    "header",
    [
        b"{'a':'" + b"\\'" * 250 + b"'}",
        b"[" + b"0," * 250 + b"0]",
        b"[" + b"{}" * 250 + b"]",
        b"[" * 250,
        b"/**/" * 1024,
        b"x" * 4352,
    ],
)
def test_a_header_counts_by_what_is_in_it(header: bytes) -> None:
    """Each of these takes the readers about a millisecond."""
    assert header_units(header) >= TURN_UNITS * 0.9


def test_a_binary_header_counts_by_its_bytes() -> None:
    assert header_units(b"," * 4352, 1) == Cost.REQUEST + 4 * Cost.HEADER_KILOBYTE


def test_bodies_count_as_for_the_strict_reader() -> None:
    assert request_units(0, b"", bytes(2048)) == Cost.REQUEST + 16
    assert answer_units(None) == answer_units(b"") == 0
    assert answer_units(bytes(250 << 10)) == TURN_UNITS
    assert answer_units(None, {"value": "v" * 1024, "other": None}) == 12


def test_a_large_registration_waits_behind_a_turn_that_is_over() -> None:
    world = World()
    body = registration_body().ljust(LARGE_REGISTRATION_BYTES)
    large = request(103, Broker().ext_fields, body)
    data = request(999, {}) * IN_A_TURN + large + request(999, {})
    assert answered(world, data) == [IN_A_TURN, 1, 1]


def counting(steps: list[int], *each: int) -> Steps[str]:
    for units in each:
        steps.append(units)
        yield units
    return "ended"


@pytest.fixture
def turn() -> Turn:
    return Turn(World().state.hot)


def test_steps_go_on_until_the_turn_is_over(turn: Turn) -> None:
    done: list[int] = []
    steps = counting(done, *[TURN_UNITS // 2] * 5)
    for count in (2, 4):
        assert turn.advance(steps) is None
        assert (turn.is_over, len(done)) == (True, count)
        turn.begin()
    assert turn.advance(steps) == ("ended",)
    assert turn.left == TURN_UNITS // 2


def test_a_share_of_the_turn_can_be_spared(turn: Turn) -> None:
    done: list[int] = []
    assert turn.advance(counting(done, 300, 300, 300), spared=500) is None
    assert (done, turn.left) == ([300, 300], 400)


def test_one_step_is_done_even_when_the_turn_is_over(turn: Turn) -> None:
    turn.spend(2 * TURN_UNITS)
    assert turn.advance(counting([], 1, 1)) is None
    assert turn.advance(counting([])) == ("ended",)


def test_steps_that_wait_leave_the_rest_of_the_turn_to_others(turn: Turn) -> None:
    assert turn.advance(counting([], WAIT, 5)) is None
    assert turn.left == TURN_UNITS

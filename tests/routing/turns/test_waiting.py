"""Memory of requests that wait for a file or another cluster (P7)."""

import pytest

from namesrv.testing.peer import request
from tests.routing.world import World

MIB = 1 << 20
VALUE = "v" * 60_000


@pytest.fixture
def world() -> World:
    world = World(input_budget_bytes=MIB, cluster_test=True)
    world.holds_writes = True
    return world


def kept_bytes(world: World) -> int:
    return world.state.waiting.kept_bytes


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        (100, {"namespace": "n", "key": "k", "value": "v"}),
        (102, {"namespace": "n", "key": "k"}),
        (105, {"topic": "unknown"}),
    ],
)
def test_bodies_are_not_kept(world: World, code: int, fields: dict[str, str]) -> None:
    world.holds_writes = False
    world.ask(100, {"namespace": "n", "key": "k"}, connection=world.connect())
    world.holds_writes = True
    for _ in range(20):
        peer = world.connect()
        answer = world.send(request(code, fields, bytes(MIB)), peer)
        assert answer == b""
        assert peer.buffered_bytes == 0
    assert len(world.state.waiting) == 20
    assert kept_bytes(world) < 20 * 4096


def test_texts_count_until_the_answer(world: World) -> None:
    fields = {"namespace": "n", "key": "k", "value": VALUE}
    world.send(request(100, fields), world.connect())
    assert len(VALUE) < kept_bytes(world) < len(VALUE) + 4096
    world.finish_write()
    assert kept_bytes(world) == 0 and len(world.state.waiting) == 0


def test_update_keeps_its_short_body_for_the_audit(world: World) -> None:
    world.send(request(318, {}, b"orderMessageEnable=true"), world.connect())
    world.finish_write()
    assert world.options.order_message_enable and kept_bytes(world) == 0


def test_requests_of_those_that_left_count_and_are_limited(world: World) -> None:
    fields = {"namespace": "n", "key": "k", "value": VALUE}
    answers = []
    for _ in range(20):
        peer = world.connect()
        answers.append(world.send(request(100, fields), peer))
        world.close(peer)
        peer.abandon()
    refused = [answer for answer in answers if answer]
    assert kept_bytes(world) < MIB // 4 + len(VALUE) + 4096
    assert len(answers) - len(refused) == len(world.state.waiting) == 5
    answer = world.only(refused[-1])
    assert answer.code == 1
    assert "(a quarter of inputBudgetBytes): ask again later" in str(answer.remark)
    assert world.ask(101, {"namespace": "n", "key": "k"}).code == 22
    while world.writes:
        world.finish_write()
    assert kept_bytes(world) == 0
    world.holds_writes = False
    assert world.ask(100, fields).code == 0


def test_refused_changes_count_nothing(world: World) -> None:
    world.options.kv_max_value_bytes = 10
    fields = {"namespace": "n", "key": "k", "value": VALUE}
    assert world.ask(100, fields).code == 1
    assert world.ask(318, {}, b"unknownKey=1").code != 0
    assert kept_bytes(world) == 0

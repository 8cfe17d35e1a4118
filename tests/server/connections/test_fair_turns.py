"""Other peers are served while one peer sends request after request."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from namesrv.routing.turns.turn import TURN_UNITS
from namesrv.testing.peer import (
    Broker,
    data_version,
    lookup,
    registration,
    registration_body,
    request,
    topic_table,
)
from namesrv.work import Cost
from tests.server.loop_free_server import LoopFreeServer

TOPICS = [f"T{number}" for number in range(6000)]
"""More than some turns have room for."""


@pytest.fixture
def loop_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoopFreeServer:
    loop_free = LoopFreeServer(tmp_path)
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop_free)
    return loop_free


def large_registration(name: str, counter: int) -> bytes:
    """A registration that takes several turns, after any other one."""
    body = registration_body(
        topic_table(*TOPICS, queues=counter), version=data_version(counter)
    )
    return registration(Broker(name, 0, f"{name}:1"), body)


@pytest.mark.parametrize("first", ["103", "217", "103 one-way"])
def test_a_broker_registers_between_two_requests_of_a_greedy_peer(
    loop_free: LoopFreeServer, first: str
) -> None:
    greedy = loop_free.accept(("10.0.0.66", 1))
    broker = loop_free.accept(("10.0.0.1", 1))
    queue_datas = ",".join(f'{{"brokerName":"{n}"}}' for n in range(5000))
    body = f'{{"queueDatas":[{queue_datas}]}}'.encode()
    for counter in range(1, 9):
        sent = large_registration("greedy", counter)
        if first == "217":
            sent = request(217, {"topic": "T"}, body)
        elif "one-way" in first:
            sent = sent.replace(b'"flag":0', b'"flag":2')
        greedy.receive(sent)
    broker.receive(large_registration("b", 1))
    while not broker.answers() and loop_free.turn():
        pass
    assert [answer.code for answer in broker.answers()] == [0]
    left_bytes = greedy.protocol.connection.buffered_bytes
    assert left_bytes > 4 * len(sent)


def test_lookup_that_waits_for_a_registration_goes_before_the_next_one(
    loop_free: LoopFreeServer,
) -> None:
    brokers = [loop_free.accept((f"10.0.0.{number}", 1)) for number in range(6)]
    client = loop_free.accept(("10.0.0.66", 1))

    def registered() -> int:
        return sum(len(broker.answers()) for broker in brokers)

    brokers[0].receive(large_registration("b0", 1))
    while loop_free.turn():
        pass
    for number in range(1, 6):
        brokers[number].receive(large_registration(f"b{number}", 1))
    waited: list[int] = []
    asked_at = None
    while loop_free.turn():
        if asked_at is not None and len(client.answers()) > len(waited):
            waited.append(registered() - asked_at)
            asked_at = None
        if asked_at is None:
            asked_at = registered()
            client.receive(lookup(TOPICS[0]))
    assert registered() == 6
    assert max(waited) == 1, "registrations that ended while a lookup waited"


def test_lookups_that_waited_for_a_registration_are_some_for_each_turn(
    loop_free: LoopFreeServer,
) -> None:
    broker = loop_free.accept(("10.0.0.1", 1))
    broker.receive(large_registration("b0", 1))
    while loop_free.turn():
        pass
    broker.receive(large_registration("b0", 2))
    while not loop_free.state.tables.busy.hides(("b0",)):
        loop_free.turn()
    clients = [loop_free.accept(("10.0.0.66", port)) for port in range(1, 201)]
    for client in clients:
        loop_free.state.turn.begin()
        client.receive(lookup(TOPICS[0]))
    answered = [0]
    while loop_free.turn():
        answered.append(sum(len(client.answers()) for client in clients))
    assert answered[-1] == 200
    steps = [after - before for before, after in pairwise(answered)]
    assert max(steps) <= TURN_UNITS // Cost.REQUEST + 1

"""`/v1/topics/{topic}/route?wait=` over sockets."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from namesrv.server.running.serving import ServingThread
from namesrv.testing.peer import Broker, Peer, wait_until
from tests.admin.served import asked, serving_http
from tests.admin.streams.waiter import Waiter

TOPICS = {"T": 1, "U": 1}
FIRST, SECOND = Broker("b", addr="10.0.0.1:1"), Broker("c", addr="10.0.0.2:1")
Connect = Callable[[ServingThread], Waiter]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServingThread]:
    with serving_http(tmp_path, max_route_waits=12) as server:
        yield server


@pytest.fixture
def peer(server: ServingThread) -> Iterator[Peer]:
    with Peer(server.addresses[0]) as peer:
        yield peer


@pytest.fixture
def connect() -> Iterator[Connect]:
    waiters: list[Waiter] = []

    def begin(server: ServingThread) -> Waiter:
        waiters.append(Waiter(server.addresses[0]))
        return waiters[-1]

    yield begin
    for waiter in waiters:
        waiter.close()


def test_a_topic_is_awaited_until_it_comes(
    server: ServingThread, peer: Peer, connect: Connect
) -> None:
    waiter = connect(server)
    assert waiter.ask()[:2] == (404, "0")
    waiter.send("?wait=1m&after=0")
    peer.ask(FIRST.registration(TOPICS))
    status, index, route = waiter.read()
    assert (status, route["topic"]) == (200, "T")
    assert index == waiter.ask().route_index


def test_a_wait_ends_when_the_route_changes(
    server: ServingThread, peer: Peer, connect: Connect
) -> None:
    peer.ask(FIRST.registration(TOPICS))
    waiter = connect(server)
    first = waiter.ask("?wait=1m")
    assert first.status == 200
    waiter.send(f"?wait=1m&after={first.route_index}")
    with Peer(server.addresses[0]) as other:
        other.ask(SECOND.registration(TOPICS))
        second = waiter.read()
        assert {b["broker_name"] for b in second.body["broker_datas"]} == {"b", "c"}
        waiter.send(f"?wait=1m&after={second.route_index}")
    third = waiter.read()
    assert (third.status, third.route_index) == (200, first.route_index)


def test_a_wait_ends_with_the_last_broker(
    server: ServingThread, peer: Peer, connect: Connect
) -> None:
    with Peer(server.addresses[0]) as other:
        other.ask(FIRST.registration(TOPICS))
        waiter = connect(server)
        index = waiter.ask().route_index
        waiter.send(f"?wait=1m&after={index}")
    assert waiter.read()[:2] == (404, "0")


def test_a_wait_ends_by_time(
    server: ServingThread, peer: Peer, connect: Connect
) -> None:
    waiter = connect(server)
    assert waiter.ask("?wait=300ms").status == 404
    assert waiter.ask("?wait=300ms&after=0")[:2] == (304, "0")
    peer.ask(FIRST.registration(TOPICS))
    index = waiter.ask().route_index
    assert waiter.ask(f"?wait=300ms&after={index}")[:2] == (304, index)


def test_the_next_request_ends_a_wait(
    server: ServingThread, peer: Peer, connect: Connect
) -> None:
    waiter = connect(server)
    waiter.send("?wait=5m&after=0")
    waiter.send("?wait=5m&after=0")
    waiter.send()
    assert [waiter.read().status for _ in range(3)] == [304, 304, 404]


def test_the_limit_of_waits(
    server: ServingThread, peer: Peer, connect: Connect
) -> None:
    waiters = [connect(server) for _ in range(3)]
    for waiter in waiters:
        waiter.send("?wait=5m")
    address = server.addresses[0]

    def refused() -> bool:
        status, _, answer = asked(address, "/v1/topics/T/route?wait=1ms")
        return status == 503 and answer.headers["Retry-After"] == "5"

    wait_until(refused)
    waiters[0].close()
    wait_until(lambda: not refused())
    peer.ask(FIRST.registration(TOPICS))
    assert [waiter.read().status for waiter in waiters[1:]] == [200, 200]


def test_waits_are_answered_at_the_end(tmp_path: Path, connect: Connect) -> None:
    with serving_http(tmp_path, max_route_waits=1) as server:
        waiter = connect(server)
        waiter.send("?wait=5m")
        address = server.addresses[0]
        path = "/v1/topics/T/route?wait=1ms"
        wait_until(lambda: asked(address, path)[0] == 503)
    answered = waiter.read()
    assert answered.status == 503
    assert "ask another one" in answered.body["detail"]


@pytest.mark.parametrize(
    "query", ["?wait=soon", "?wait=-1s", "?after=x", "?wait=1h", "?wait=6m"]
)
def test_mistakes(server: ServingThread, query: str) -> None:
    status, body, _ = asked(server.addresses[0], f"/v1/topics/T/route{query}")
    assert status == 400
    assert "expected a" in body["detail"]

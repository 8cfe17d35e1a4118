"""Waits for routes in memory: wakes, time, crowds, the connection."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from namesrv.routing.requests.routes import get_routeinfo_by_topic
from namesrv.testing.peer import Broker, request
from tests.admin.http.talk import request as http_request
from tests.admin.streams.lasting_server import (
    FIRST,
    SECOND,
    LastingServer,
    answered,
)

LOOK = "namesrv.admin.api.resources.routes.get_routeinfo_by_topic"
PATH = "/v1/topics/Orders/route"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LastingServer]:
    yield LastingServer(tmp_path)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The topics that were looked up for HTTP."""
    found: list[str] = []

    def noted(state: Any, sent: Any) -> Any:
        found.append(sent.ext_fields["topic"])
        return get_routeinfo_by_topic(state, sent)

    monkeypatch.setattr(LOOK, noted)
    return found


def index_of(server: LastingServer, path: str = PATH) -> str:
    (answer,) = answered(server.ask(path))
    return answer.headers["X-Namesrv-Index"]


def test_a_crowd_costs_one_lookup_and_one_body(
    server: LastingServer, looks: list[str]
) -> None:
    server.register(FIRST)
    path = f"{PATH}?wait=5m&after={index_of(server)}"
    crowd = [server.ask(path, host=f"10.1.0.{n % 8}") for n in range(500)]
    assert server.counts.waits == 500
    looks.clear()
    peer = server.loop_free.accept()
    peer.receive(SECOND.registration({"Orders": 1, "Other": 1}))
    woken = sum(1 for one in crowd if one.transport.writes)
    assert woken < 30
    server.turn()
    assert looks == ["Orders"]
    bodies = {answered(one)[0].body for one in crowd}
    assert len(bodies) == 1 and server.counts.waits == 0


def test_other_connections_have_turns_while_a_crowd_wakes(
    server: LastingServer,
) -> None:
    server.register(FIRST)
    path = f"{PATH}?wait=5m&after={index_of(server)}"
    crowd = [server.ask(path, host=f"10.1.0.{n % 8}") for n in range(300)]
    server.loop_free.accept().receive(SECOND.registration({"Orders": 1, "Other": 1}))
    other = server.loop_free.accept(("10.0.0.2", 1))
    other.receive(http_request("/version") * 3)
    server.loop_free.turn()
    server.loop_free.turn()
    assert answered(other)
    assert not all(one.transport.writes for one in crowd)


def test_changes_of_other_topics_wake_nobody(
    server: LastingServer, looks: list[str]
) -> None:
    server.register(FIRST)
    waiter = server.ask(f"{PATH}?wait=5m&after={index_of(server)}")
    looks.clear()
    server.register(SECOND, {"A": 1, "B": 1})
    server.register(FIRST, {"Orders": 1, "Payments": 2, "C": 1})
    server.pass_seconds(0.5)
    assert looks in ([], ["Orders"])
    assert not waiter.transport.writes


def test_a_change_that_is_no_change_of_the_route_wakes_nobody(
    server: LastingServer,
) -> None:
    server.register(FIRST)
    waiter = server.ask(f"{PATH}?wait=5m&after={index_of(server)}")
    server.register(FIRST)  # over another connection
    server.pass_seconds(0.5)
    assert not waiter.transport.writes


CHANGES = {
    "a deleted topic": request(216, {"topic": "Orders"}),
    "a wiped permission": request(205, {"brokerName": "b"}),
    "another address": Broker("b", addr="10.0.0.9:9").registration({"X": 1, "Y": 1}),
    "a slave": Broker("b", 1, addr="10.0.0.9:9").registration({"X": 1, "Y": 1}),
    "an unregistered broker": request(104, FIRST.ext_fields),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_of_the_route_ends_a_wait(
    server: LastingServer, change: bytes
) -> None:
    server.register(FIRST)
    index = index_of(server)
    waiter = server.ask(f"{PATH}?wait=5m&after={index}")
    server.loop_free.accept().receive(change)
    server.turn()
    (answer,) = answered(waiter)
    assert answer.status in (200, 404)
    assert answer.headers["X-Namesrv-Index"] not in ("", index)


def test_an_order_configuration_ends_a_wait(tmp_path: Path) -> None:
    server = LastingServer(tmp_path, order_message_enable=True)
    server.register(FIRST)
    waiter = server.ask(f"{PATH}?wait=5m&after={index_of(server)}")
    fields = {"namespace": "ORDER_TOPIC_CONFIG", "key": "Orders", "value": "b:1"}
    server.loop_free.accept().receive(request(100, fields))
    server.turn()
    server.loop_free.finish_write()
    server.turn()
    assert b"b:1" in answered(waiter)[0].body


def test_versions_zones_and_formats_have_their_own_answers(
    server: LastingServer,
) -> None:
    server.register(FIRST)
    elsewhere = f"{PATH}?zone=z&"
    zoned = server.ask(f"{elsewhere}wait=5m&after={index_of(server, elsewhere)}")
    queries = ("", "version=0&")
    waiters = [
        server.ask(f"{path}wait=5m&after={index_of(server, path)}", *lines)
        for query in queries
        for path in [f"{PATH}?{query}"]
        for lines in ((), ("Accept: application/msgpack",))
    ]
    server.register(SECOND)
    found = [answered(waiter)[0] for waiter in waiters]
    assert [answer.status for answer in found] == [200] * 4
    kinds = [answer.headers["Content-Type"] for answer in found]
    assert kinds == ["application/json", "application/msgpack"] * 2
    assert not zoned.transport.writes


def test_a_wait_ends_by_time_a_little_early(server: LastingServer) -> None:
    waiters = [server.ask(f"{PATH}?wait=32s&after=0") for _ in range(50)]
    server.pass_seconds(29.9)
    assert not any(waiter.transport.writes for waiter in waiters)
    server.pass_seconds(1)
    early = sum(bool(waiter.transport.writes) for waiter in waiters)
    assert 0 < early < 50
    server.pass_seconds(1.5)
    assert [answered(waiter)[0].status for waiter in waiters] == [304] * 50
    assert server.counts.waits == 0


def test_a_wait_is_not_idle_and_holds_no_input(tmp_path: Path) -> None:
    server = LastingServer(tmp_path, server_channel_max_idle_time_seconds=2)
    waiter = server.ask(f"{PATH}?wait=5m&after=0")
    assert server.connections.input_budget.held_bytes == 0
    server.pass_seconds(40)
    assert not waiter.transport.is_closed
    server.register(FIRST)
    assert answered(waiter)[0].status == 200


def test_a_peer_that_goes_ends_its_wait(server: LastingServer) -> None:
    gone, ended = (server.ask(f"{PATH}?wait=5m&after=0") for _ in range(2))
    gone.protocol.connection_lost(None)
    ended.protocol.eof_received()
    assert ended.transport.is_closed
    ended.protocol.connection_lost(None)
    server.pass_seconds(1.1)
    assert server.counts.waits == 0


def test_requests_behind_a_wait_are_answered_in_order(server: LastingServer) -> None:
    peer = server.loop_free.accept()
    sent = http_request(f"{PATH}?wait=5m&after=0") + http_request("/version")
    peer.receive(sent * 3)
    server.turn()
    assert [answer.status for answer in answered(peer)] == [304, 200] * 3


def test_a_drain_answers_waits(server: LastingServer) -> None:
    waiter = server.ask(f"{PATH}?wait=5m&after=0")
    server.state.drain(server.now_ms)
    server.turn()
    (answer,) = answered(waiter)
    assert (answer.status, answer.headers["Connection"]) == (503, "close")
    assert answered(server.ask(f"{PATH}?wait=5m&after=0&version=0"))[0].status == 503


def test_no_wait_before_the_start_up_gate_opens(tmp_path: Path) -> None:
    server = LastingServer(tmp_path, need_wait_for_service=True)
    assert answered(server.ask(f"{PATH}?wait=5m"))[0].status == 503


def test_half_of_all_connections_may_wait(tmp_path: Path) -> None:
    server = LastingServer(tmp_path, max_connections=20)
    waiters = [server.ask(f"{PATH}?wait=5m", host=f"10.0.0.{n}") for n in range(11)]
    (refused,) = answered(waiters[-1])
    assert refused.status == 503 and b"half of maxConnections" in refused.body
    assert server.counts.refused == 1


def test_an_address_has_a_quarter_of_the_waits(tmp_path: Path) -> None:
    server = LastingServer(tmp_path, max_route_waits=12)
    waiters = [server.ask(f"{PATH}?wait=5m") for _ in range(4)]
    other = server.ask(f"{PATH}?wait=5m", host="10.0.0.2")
    assert [len(answered(waiter)) for waiter in (*waiters, other)] == [0, 0, 0, 1, 0]
    (refused,) = answered(waiters[3])
    assert refused.status == 503 and b"share of one address" in refused.body
    waiters[0].protocol.connection_lost(None)
    assert answered(server.ask(f"{PATH}?wait=5m")) == []
    for waiter in (*waiters, other):
        waiter.protocol.connection_lost(None)
    server.pass_seconds(2)
    waits = server.application._streams.waits
    assert len(waits) == 1 and waits._hosts == {"10.0.0.1": 1}


def test_cluster_test_mode_has_no_waits(tmp_path: Path) -> None:
    server = LastingServer(tmp_path, cluster_test=True)
    assert answered(server.ask(f"{PATH}?wait=5m"))[0].status == 400


def test_a_mistake_of_ours_answers_the_waits(
    server: LastingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiter = server.ask(f"{PATH}?wait=5m&after=0")

    def broken(state: object, sent: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(LOOK, broken)
    server.register(FIRST)
    assert answered(waiter)[0].status == 500
    assert "internal error" in server.loop_free.log.events_shown()


def test_a_plain_request_has_the_index_too(server: LastingServer) -> None:
    (unknown,) = answered(server.ask(PATH))
    assert (unknown.status, unknown.headers["X-Namesrv-Index"]) == (404, "0")
    server.register(FIRST)
    index = index_of(server)
    assert index_of(server) == index
    assert len(index) == 16

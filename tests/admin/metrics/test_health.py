"""/healthz and /readyz: the state of the server in one answer."""

import json
from typing import Any

import pytest

from namesrv.admin.http.messages import Access, HttpAnswer
from namesrv.admin.metrics.endpoints import ENDPOINTS
from namesrv.routing.warm_start.draft import KeptRoutes
from namesrv.routing.warm_start.pack import read_snapshot
from namesrv.testing.peer import Broker, registration
from tests.admin.metrics.conftest import Make
from tests.admin.metrics.inside_server import InsideServer
from tests.routing.world import World

LEASE_MILLIS = 90_000


def facts(answer: HttpAnswer) -> dict[str, Any]:
    """The members of a body."""
    members: dict[str, Any] = json.loads(answer.body)
    return members


def broker(number: int) -> Broker:
    """One of the brokers of the last run."""
    return Broker(name=f"b{number}", addr=f"10.0.0.{number}:10911")


def start_warm(server: InsideServer, brokers: int) -> None:
    """Take over the routes of a last run in which so many brokers were live."""
    last_run = World()
    for number in range(brokers):
        last_run.register(broker(number))
    snapshot = read_snapshot(last_run.packed_routes())
    server.state.options.warm_start_lease_millis = LEASE_MILLIS
    KeptRoutes(server.state).take_over(snapshot, 0, server.now_ms)


def assert_unready(server: InsideServer, word: str) -> str:
    """The sentence of /readyz, which has to be 503 for this reason."""
    answer = server.get("/readyz")
    members = facts(answer)
    assert (answer.status, answer.content_type) == (503, "application/problem+json")
    assert (members["status"], members["reason"]) == (503, word)
    sentence: str = members["detail"]
    return sentence


def test_loop_that_turns_is_healthy(server: InsideServer) -> None:
    server.tick(103)
    answer = server.get("/healthz")
    assert answer.status == 200
    assert facts(answer) == {
        "status": "alive",
        "lag_millis": 3,
        "longest_lag_millis": 3,
    }


def test_stall_is_unhealthy_for_ten_seconds(server: InsideServer) -> None:
    server.tick(5099)
    assert server.get("/healthz").status == 200
    server.tick(7250)
    answer = server.get("/healthz")
    assert answer.status == 503
    assert facts(answer)["detail"] == (
        "the event loop stood still for 7.15 s, the limit is 5 s"
    )
    for _ in range(100):
        server.tick(100)
    assert server.get("/healthz").status == 503
    server.tick(100)
    assert server.get("/healthz").status == 200


def test_fresh_server_is_ready(server: InsideServer) -> None:
    answer = server.get("/readyz")
    assert answer.status == 200
    assert facts(answer) == {
        "status": "ready",
        "brokers": 0,
        "restored_brokers": 0,
        "unconfirmed_brokers": 0,
    }


def test_fresh_server_is_ready_whatever_share_is_wanted(make: Make) -> None:
    assert make(ready_confirmed_percent=100).get("/readyz").status == 200


def test_server_is_unready_before_its_first_tick(make: Make) -> None:
    server = make()
    server.ticks._planned_ms = None
    assert_unready(server, "starting")


def test_server_is_unready_while_the_gate_is_closed(make: Make) -> None:
    server = make(need_wait_for_service=True, wait_seconds_for_service=45)
    server.tick(44_000)
    assert assert_unready(server, "waiting") == (
        "the server answers no lookup in its first 45 s (needWaitForService);"
        " it started 44 s ago"
    )
    server.tick(1000)
    assert server.get("/readyz").status == 200


def test_warm_server_is_ready_at_once_by_default(server: InsideServer) -> None:
    start_warm(server, 3)
    assert facts(server.get("/readyz"))["unconfirmed_brokers"] == 3


def test_warm_server_is_unready_until_the_share_is_confirmed(make: Make) -> None:
    server = make(ready_confirmed_percent=60)
    start_warm(server, 3)
    for number in range(2):
        assert assert_unready(server, "confirming") == (
            f"of 3 brokers of the last run {3 - number} were not heard from yet;"
            " 60 % have to be (readyConfirmedPercent), or their leases end"
        )
        server.peer.receive(registration(broker(number)))
        server.tick(1000)
    assert facts(server.get("/readyz")) == {
        "status": "ready",
        "brokers": 3,
        "restored_brokers": 3,
        "unconfirmed_brokers": 1,
    }


def test_warm_server_is_ready_when_the_leases_end(make: Make) -> None:
    server = make(ready_confirmed_percent=100)
    start_warm(server, 3)
    for _ in range(LEASE_MILLIS // 1000):
        server.tick(1000)
        assert_unready(server, "confirming")
    for _ in range(10):
        server.tick(1000)
    assert server.get("/readyz").status == 200


def test_server_that_drains_is_unready(server: InsideServer) -> None:
    server.state.drain(server.now_ms)
    assert_unready(server, "draining")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_open_to_everybody(path: str) -> None:
    [endpoint] = [e for e in ENDPOINTS if e.path == path]
    assert endpoint.access is Access.HEALTH

"""Brokers over HTTP on the port of the remoting protocol, over real sockets."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from namesrv.server.running.serving import ServingThread
from namesrv.testing.peer import Broker, Peer, lookup, registration, wait_until
from tests.admin.brokers.asking import ADDR, BROKER, T1, T2
from tests.admin.served import asking, serving_http

JAVA = Broker("j", 0, "10.0.0.9:10911")
SCAN_MILLIS = 100
TIMEOUT_MILLIS = 1_000


@pytest.fixture(params=["asyncio", "uvloop"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServingThread]:
    """A server that scans often."""
    options = {"loop": request.param, "scan_not_active_broker_interval": SCAN_MILLIS}
    with serving_http(tmp_path, **options) as serving:
        yield serving


def ask(server: ServingThread, method: str, target: str, body: Any = None) -> Any:
    """One request on a connection of its own: status and body."""
    client = asking(server.addresses[0])
    data = None if body is None else json.dumps(body)
    headers = {} if data is None else {"Content-Type": "application/json"}
    client.request(method, target, data, headers)
    answer = client.getresponse()
    text = answer.read()
    client.close()
    return answer.status, json.loads(text) if text else None


def put(server: ServingThread, **changes: Any) -> Any:
    """Register the broker of these tests."""
    body = {"broker_addr": ADDR, "topics": [T1, T2], **changes}
    status, said = ask(server, "PUT", BROKER, body)
    assert status == 200, said
    return said


def brokers_of(peer: Peer, topic: str) -> set[str]:
    """The names of the brokers in a route, as a client of Java's protocol gets it."""
    answer = peer.ask(lookup(topic))
    if answer.code == 17:
        return set()
    return {group["brokerName"] for group in answer.json["brokerDatas"]}


def test_brokers_of_both_protocols_are_in_one_route(server: ServingThread) -> None:
    with Peer(server.addresses[0]) as java:
        assert java.ask(registration(JAVA)).code == 0
        put(server)
        assert brokers_of(java, "T1") == {"h", "j"}
        assert ask(server, "GET", "/v1/topics/T1")[0] == 200


def test_silence_ends_a_broker_and_nothing_else(server: ServingThread) -> None:
    with Peer(server.addresses[0]) as java:
        assert java.ask(registration(JAVA)).code == 0
        put(server, heartbeat_timeout_millis=TIMEOUT_MILLIS)
        target = f"{BROKER}/heartbeat?broker_addr={ADDR}"
        assert ask(server, "POST", target)[0] == 204
        wait_until(lambda: brokers_of(java, "T1") == {"j"})
        assert ask(server, "POST", target)[0] == 404


def test_last_registration_is_removed(server: ServingThread) -> None:
    first = put(server)["registration"]
    last = put(server)["registration"]
    target = f"{BROKER}?broker_addr={ADDR}&registration="
    assert ask(server, "DELETE", target + first)[0] == 409
    assert ask(server, "DELETE", target + last)[0] == 204
    with Peer(server.addresses[0]) as client:
        assert brokers_of(client, "T1") == set()


def test_large_registration_is_applied_in_turns(server: ServingThread) -> None:
    topics = [{"topic": f"Topic{number:05}"} for number in range(10_000)]
    put(server, topics=topics)
    with Peer(server.addresses[0]) as client:
        assert brokers_of(client, "Topic09999") == {"h"}

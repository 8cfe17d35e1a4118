"""Connections and counts of lookup lanes over HTTP, and the same without lanes."""

import json
from pathlib import Path
from typing import Any

import pytest

from namesrv._impl import Lanes
from namesrv.testing.peer import Address, Broker, Peer, lookup
from tests.admin.served import asking, serving_http

any_lanes = pytest.mark.parametrize("lanes", [0, 2])


def get(address: Address, path: str) -> bytes:
    connection = asking(address)
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.status == 200
    body = answer.read()
    connection.close()
    return body


def metrics(address: Address) -> dict[str, float]:
    """Samples by name and labels."""
    lines = get(address, "/metrics").decode().splitlines()
    samples = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return {name: float(value) for name, _, value in samples}


@any_lanes
def test_connections_are_listed_with_their_clients(tmp_path: Path, lanes: int) -> None:
    with serving_http(tmp_path, lookup_lanes=lanes) as server:
        (address,) = server.addresses
        peers = [Peer(address) for _ in range(5)]
        for peer in peers[1:]:
            peer.ask(lookup("Nobody", version=401))
        peers[4].send(lookup("Nobody")[:10])
        names = ["{}:{}".format(*peer.socket.getsockname()) for peer in peers]
        page: dict[str, Any] = json.loads(get(address, "/v1/connections"))
        # The one that asks is among them.
        assert page["total"] == 6
        items = {item["remote_address"]: item for item in page["items"]}
        assert items.keys() > set(names)
        assert [items[name]["client_version"] for name in names] == [None] + 4 * [401]
        assert items[names[4]]["kept_input_bytes"] == 10
        first = json.loads(get(address, f"/v1/connections?prefix={names[1]}"))
        assert [item["remote_address"] for item in first["items"]] == [names[1]]
        for peer in peers:
            peer.close()


@any_lanes
def test_metrics_count_lookups_of_lanes(tmp_path: Path, lanes: int) -> None:
    with serving_http(tmp_path, lookup_lanes=lanes) as server:
        (address,) = server.addresses
        with Peer(address) as broker, Peer(address) as client, Peer(address):
            broker.ask(Broker().registration({"Orders": 1, "Bills": 1}))
            for _ in range(10):
                client.ask(lookup("Orders"))
                client.ask(lookup("Nobody"))
            found = metrics(address)
    prefix = "rocketmq_namesrv_"
    assert found[f'{prefix}route_request_total{{result="hit"}}'] == 9
    assert found[f'{prefix}route_request_total{{result="made"}}'] == 1
    assert found[f'{prefix}route_request_total{{result="unknown"}}'] == 10
    opened = f'{prefix}connection_events_total{{event="opened"}}'
    assert found[opened] == 4
    labels = 'protocol="remoting",state="open",tls="false"'
    assert found[f"{prefix}active_connections{{{labels}}}"] == 2
    assert found[f"{prefix}lookup_lanes"] == (lanes if Lanes is not None else 0)

"""`/v1/connections`: addresses, brokers, ages."""

import pytest

from namesrv.server.connections.protocol import NamesrvProtocol
from namesrv.testing.peer import Broker, lookup
from tests.admin.api.asking import Api
from tests.server.loop_free_server import FakeTransport, LoopFreePeer


def connect(api: Api, host: str, port: int = 5000) -> LoopFreePeer:
    protocol = NamesrvProtocol(api.inside.connections)
    transport = FakeTransport((host, port))
    protocol.connection_made(transport)
    return LoopFreePeer(protocol, transport)


@pytest.fixture
def api() -> Api:
    """A server with a broker and a client."""
    api = Api()
    connect(api, "10.0.0.1").receive(Broker().registration({"T": 1, "U": 1}))
    connect(api, "10.0.0.2").receive(lookup("T", version=401))
    api.world.flush()
    return api


def test_connections_are_listed_by_address(api: Api) -> None:
    page = api.get("/v1/connections")
    assert page["total"] == 2
    broker, client = page["items"]
    assert broker["remote_address"] == broker["socket_address"] == "10.0.0.1:5000"
    assert (broker["live_brokers"], client["live_brokers"]) == (1, 0)
    assert client["client_version"] == 401
    assert not client["is_closing"]


def test_a_silent_client_has_no_version(api: Api) -> None:
    connect(api, "10.0.0.3")
    (item,) = api.get("/v1/connections?prefix=10.0.0.3")["items"]
    assert item["client_version"] is None
    assert item["kept_input_bytes"] == 0


def test_kept_input_is_shown(api: Api) -> None:
    connect(api, "10.0.0.4").receive(lookup("T")[:20])
    (item,) = api.get("/v1/connections?prefix=10.0.0.4")["items"]
    assert item["kept_input_bytes"] == 20


def test_clients_behind_a_proxy_may_share_an_address(api: Api) -> None:
    for port in range(3):
        peer = connect(api, "10.0.0.9", 6000 + port)
        peer.receive(b"PROXY TCP4 192.0.2.7 10.0.0.9 1000 9876\r\n" + lookup("T"))
    items = api.pages("/v1/connections?prefix=192.0.2.7&limit=1")
    assert [item["socket_address"] for item in items] == [
        f"10.0.0.9:{6000 + port}" for port in range(3)
    ]


def test_many_connections_come_page_by_page(api: Api) -> None:
    for number in range(300):
        connect(api, f"10.1.{number % 7}.1", number + 1)
    items = api.pages("/v1/connections?limit=50")
    addresses = [item["remote_address"] for item in items]
    assert len(addresses) == len(set(addresses)) == 302
    assert addresses == sorted(addresses)

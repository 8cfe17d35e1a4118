"""Real peers that show each other certificates, and check them."""

import ssl
from collections.abc import Callable

import pytest

from harness.broker import BrokerIdentity
from harness.certificates import Authority, Identity
from harness.fetch import Peers
from harness.fleet import Fleet, wait_for_brokers
from harness.nameserver import NameServer
from harness.openssl import OpensslClient
from namesrv.testing.peer import Request

CLUSTER = "InteropCluster"
MESSAGES = 50
RECEIVE_SECONDS = 60.0
ROUTE = Request(105, {"topic": "NobodyKnowsThis"})
NO_ROUTE = 17


@pytest.fixture(scope="module")
def fleet(new_fleet: Callable[[str], Fleet]) -> Fleet:
    return new_fleet("mutual-tls")


@pytest.fixture(scope="module")
def authority(fleet: Fleet, peers: Peers) -> Authority:
    return Authority(fleet.home("authority"), peers, "authority")


@pytest.fixture(scope="module")
def stranger(fleet: Fleet, peers: Peers) -> Authority:
    return Authority(fleet.home("stranger"), peers, "stranger")


@pytest.fixture(scope="module")
def server(fleet: Fleet, authority: Authority) -> NameServer:
    server = fleet.our_server(
        "mutual",
        {
            "tls.server.mode": "enforcing",
            **server_side(authority, authority.identity("server", "secret")),
        },
    )
    server.finish_start()
    us = authority.identity("us")
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.tls.check_hostname = False
    server.tls.load_verify_locations(authority.certificate)
    server.tls.load_cert_chain(us.certificate, us.key)
    return server


def test_java_broker_and_client(
    fleet: Fleet, server: NameServer, authority: Authority
) -> None:
    java = authority.identity("java", "password of java")
    properties = {
        "tls.enable": "true",
        **server_side(authority, java),
        "tls.client.certPath": str(java.certificate),
        "tls.client.keyPath": str(java.key),
        "tls.client.keyPassword": java.password,
        "tls.client.authServer": "true",
        "tls.client.trustCertPath": str(authority.certificate),
    }
    identity = BrokerIdentity(CLUSTER, "mutual", system_properties=properties)
    broker = fleet.broker(identity, [server])
    wait_for_brokers([server], [broker])
    with fleet.traffic("mutual-client", [server], properties) as traffic:
        assert traffic.send("MutualTopic", MESSAGES) == 0
        traffic.subscribe("MutualTopic")
        traffic.wait_until_received(RECEIVE_SECONDS)


def test_client_of_openssl(
    server: NameServer,
    peers: Peers,
    authority: Authority,
    stranger: Authority,
) -> None:
    good, bad = authority.identity("good"), stranger.identity("bad")
    trust = ("-CAfile", str(authority.certificate), "-verify_return_error")
    with OpensslClient(server, peers, *trust, *shown(good)) as client:
        assert client.ask(ROUTE).code == NO_ROUTE
    for flags in ((), shown(bad)):
        with OpensslClient(server, peers, *trust, *flags) as client:
            with pytest.raises((ConnectionError, BrokenPipeError)):
                client.ask(ROUTE)


def server_side(authority: Authority, identity: Identity) -> dict[str, str]:
    """Java's properties of a server that shows `identity` and demands one."""
    return {
        "tls.test.mode.enable": "false",
        "tls.server.certPath": str(identity.certificate),
        "tls.server.keyPath": str(identity.key),
        "tls.server.keyPassword": identity.password,
        "tls.server.trustCertPath": str(authority.certificate),
        "tls.server.authClient": "true",
        "tls.server.need.client.auth": "require",
    }


def shown(identity: Identity) -> tuple[str, ...]:
    """Flags of s_client that show a certificate."""
    return ("-cert", str(identity.certificate), "-key", str(identity.key))

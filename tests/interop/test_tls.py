"""Real peers that speak TLS: broker, client, mqadmin, OpenSSL's client, HAProxy."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from harness.broker import BrokerIdentity, JavaBroker
from harness.fetch import Peers
from harness.fleet import Fleet, wait_for_brokers
from harness.haproxy import FRONTS, Haproxy
from harness.nameserver import HOST, SERVER_UNDER_TEST, NameServer
from harness.openssl import OpensslClient
from harness.remoting import Connection
from harness.view import SUCCESS, View
from namesrv.testing.peer import Request

CLUSTER = "InteropCluster"
MESSAGES = 50
RECEIVE_SECONDS = 60.0
ENCRYPT = {"tls.enable": "true"}
ROUTE = Request(105, {"topic": "NobodyKnowsThis"})
NO_ROUTE = 17


def trusting() -> ssl.SSLContext:
    """A client's side that takes any certificate, as Java's does in test mode."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@dataclass
class Site:
    """An enforcing name server with a throw-away certificate, and all in TLS."""

    fleet: Fleet
    server: NameServer
    broker: JavaBroker
    haproxy: Haproxy


@pytest.fixture(scope="module")
def site(new_fleet: Callable[[str], Fleet]) -> Site:
    fleet = new_fleet("tls")
    server = fleet.our_server("enforcing", {"tls.server.mode": "enforcing"})
    server.tls = trusting()
    server.finish_start()
    identity = BrokerIdentity(CLUSTER, "tls-broker", system_properties=ENCRYPT)
    haproxy = fleet.haproxy(server)
    broker = fleet.broker(identity, [server])
    wait_for_brokers([server], [broker])
    return Site(fleet, server, broker, haproxy)


def test_java_client_sends_and_receives(site: Site) -> None:
    with site.fleet.traffic("java-client", [site.server], ENCRYPT) as traffic:
        assert traffic.send("TlsTopic", MESSAGES) == 0
        traffic.subscribe("TlsTopic")
        traffic.wait_until_received(RECEIVE_SECONDS)
        assert traffic.sent() == MESSAGES


def test_mqadmin_reads_and_writes(site: Site) -> None:
    mqadmin = site.fleet.mqadmin(ENCRYPT)
    name_server = ("-n", site.server.address)
    assert "tls-broker" in mqadmin.run("clusterList", *name_server)
    mqadmin.run("updateTopic", *name_server, "-c", CLUSTER, "-t", "MadeByMqadmin")
    with View(site.server) as view:
        assert view.route("MadeByMqadmin") is not None


def test_java_client_through_haproxy(site: Site) -> None:
    front = site.haproxy.fronts["v2"]
    with site.fleet.traffic("through-haproxy", [front], ENCRYPT) as traffic:
        assert traffic.send("HaproxyTopic", MESSAGES) == 0
        assert traffic.sent() == MESSAGES


@pytest.mark.parametrize("name", FRONTS)
def test_haproxy_tells_who_connects(site: Site, name: str) -> None:
    """It passes TLS through after its header, or is the one who speaks it."""
    context = None if name == "v2-and-tls" else trusting()
    client = Connection(HOST, site.haproxy.fronts[name].port, context)
    try:
        assert client.ask(ROUTE).code == NO_ROUTE
        client.send_nonsense()
        if SERVER_UNDER_TEST == "ours":
            site.server.wait_for_output(rf'remote="?{HOST}:{client.own_port}\b')
    finally:
        client.close()


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_client_of_openssl(site: Site, peers: Peers, version: str) -> None:
    flags = (version, "-alpn", "h2,http/1.1", "-servername", "localhost")
    with OpensslClient(site.server, peers, *flags) as client:
        for opaque in range(3):
            assert client.ask(ROUTE, opaque).code == NO_ROUTE
        answer = client.ask(Request(106))
        assert answer.code == SUCCESS
        assert b"tls-broker" in answer.body
        assert "alert" not in client.end()


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_of_tls_are_refused(
    site: Site, peers: Peers, version: str
) -> None:
    flags = (version, "-cipher", "ALL:@SECLEVEL=0")
    with OpensslClient(site.server, peers, *flags) as client:
        with pytest.raises((ConnectionError, BrokenPipeError)):
            client.ask(ROUTE)

"""Real clients produce and consume with nothing but our name servers."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from harness.broker import BrokerIdentity, JavaBroker
from harness.fetch import INTEROP
from harness.fleet import Fleet, wait_for_brokers
from harness.mqadmin import Mqadmin
from harness.nameserver import NameServer
from harness.traffic import Traffic

CLUSTER = "InteropCluster"
MESSAGES = 100
RECEIVE_SECONDS = 60.0
PYTHON_CLIENT_SECONDS = 120.0

FLOW_PAUSE_MILLIS = 10
PHASE_MESSAGES = 150
PHASE_SECONDS = 60.0
# One topic per phase: its first message needs a lookup while the servers are so.
PHASES = ("BothServersUp", "OneServerDead", "ServerIsBack", "OtherServerDead")


@dataclass
class Site:
    """Two of our name servers, which know nothing of each other, and a broker."""

    fleet: Fleet
    servers: tuple[NameServer, NameServer]
    broker: JavaBroker
    mqadmin: Mqadmin


@pytest.fixture(scope="module")
def site(new_fleet: Callable[[str], Fleet]) -> Site:
    fleet = new_fleet("clients")
    servers = (fleet.our_server("first", {}), fleet.our_server("second", {}))
    mqadmin = fleet.mqadmin()
    for server in servers:
        server.finish_start()
    broker = fleet.broker(BrokerIdentity(CLUSTER, "interop-broker"), servers)
    wait_for_brokers(servers, [broker])
    return Site(fleet, servers, broker, mqadmin)


def test_java_client_sends_and_receives(site: Site) -> None:
    """To a topic that nobody created: the client asks for TBW102 and goes on."""
    with site.fleet.traffic("java-client", site.servers[:1]) as traffic:
        assert traffic.send("JavaTopic", MESSAGES) == 0
        traffic.subscribe("JavaTopic")
        traffic.wait_until_received(RECEIVE_SECONDS)
        assert traffic.sent() == MESSAGES


def test_python_client_sends_and_receives(site: Site) -> None:
    home = site.fleet.home("python-client")
    done = subprocess.run(
        [
            *(str(site.fleet.peers.python), str(INTEROP / "python_client.py")),
            *(site.servers[0].address, "PythonTopic", str(MESSAGES)),
        ],
        env={**os.environ, "HOME": str(home)},
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PYTHON_CLIENT_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["sent"] == MESSAGES
    wanted = sorted(f"PythonTopic-{number}" for number in range(MESSAGES))
    assert result["received"] == wanted


def test_no_message_is_lost_while_name_servers_die_and_return(site: Site) -> None:
    first, second = site.servers
    for topic in PHASES:
        _create_topic(site, topic)
    with site.fleet.traffic("flow", site.servers) as traffic:
        traffic.subscribe(*PHASES)
        traffic.start_flow(PHASES[0], FLOW_PAUSE_MILLIS)
        _let_flow(traffic)

        first.kill()
        traffic.add_to_flow(PHASES[1])
        _let_flow(traffic)

        first.start()
        wait_for_brokers([first], [site.broker])
        traffic.add_to_flow(PHASES[2])
        _let_flow(traffic)

        second.kill()
        traffic.add_to_flow(PHASES[3])
        _let_flow(traffic)

        traffic.halt_flow()
        traffic.wait_until_received(RECEIVE_SECONDS)


def _let_flow(traffic: Traffic) -> None:
    traffic.wait_until_sent(traffic.sent() + PHASE_MESSAGES, PHASE_SECONDS)


def _create_topic(site: Site, topic: str) -> None:
    addresses = ";".join(server.address for server in site.servers)
    site.mqadmin.run("updateTopic", "-n", addresses, "-c", CLUSTER, "-t", topic)

"""Our server compares itself with a Java NameServer 5.3.3 and with another of ours.

A broker of Java's is registered at all three, so that their digests are equal, the
Java server's made of its answers. Then something is changed at the Java server only.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from typing import Any, NamedTuple

import pytest

from harness.broker import BrokerIdentity
from harness.fetch import CHECKOUT
from harness.fleet import Fleet, wait_for_brokers
from harness.nameserver import HOST, NameServer
from harness.waiting import until
from namesrv.testing.peer import Broker, Peer, data_version

CLUSTER, BROKER = "PeerCluster", "peer-broker"
WAIT_SECONDS = 60.0
PROGRAM = [sys.executable, "-m", "namesrv"]


class Place(NamedTuple):
    """A Java server, a server of ours that compares itself with it, and another."""

    java: NameServer
    ours: NameServer
    second: NameServer

    def peers(self) -> dict[str, Any]:
        """The peers of our server by address."""
        return {one["address"]: one for one in self.page()["peers"]}

    def page(self) -> Any:
        connection = HTTPConnection(HOST, self.ours.port, timeout=WAIT_SECONDS)
        try:
            connection.request("GET", "/v1/peers")
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def wait_for(self, server: NameServer, is_so: Callable[[Any], bool]) -> Any:
        """The peer's entry as soon as it is so."""
        until(
            lambda: is_so(self.peers()[server.address]),
            WAIT_SECONDS,
            lambda: f"the peer should be otherwise: {self.page()}",
        )
        return self.peers()[server.address]

    def run(self, *words: str) -> tuple[int, str]:
        """The exit code and the output of one of our commands."""
        ran = subprocess.run(
            [*PROGRAM, *words],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
        )
        return ran.returncode, ran.stdout or ran.stderr

    def differences(self, other: NameServer) -> list[tuple[str, str, str]]:
        """Kind, name and part of each difference of the Java server to another."""
        words = ("diff", self.java.address, other.address, "--json")
        code, out = self.run(*words)
        found = json.loads(out)
        assert found["notCompared"] == []
        assert code == bool(found["differences"])
        return [(d["kind"], d["name"], d["part"]) for d in found["differences"]]


@pytest.fixture(scope="module")
def place(new_fleet: Callable[[str], Fleet]) -> Iterator[Place]:
    fleet = new_fleet("peers")
    java = fleet.java_server("java", {})
    second = fleet.our_server("second", {})
    names = f"{java.address};{second.address}"
    ours = fleet.our_server("ours", {"peers": names})
    for server in (java, second, ours):
        server.finish_start()
    servers = (java, ours, second)
    broker = fleet.broker(BrokerIdentity(CLUSTER, BROKER), servers)
    wait_for_brokers(servers, (broker,))
    yield Place(*servers)


def agrees(peer: Any, brokers: int = 1) -> bool:
    """Whether it has so many brokers and no difference."""
    is_whole = peer["state"] == "agrees" and "digest" in peer
    return is_whole and peer["brokers"] == brokers


def test_the_digests_are_equal(place: Place) -> None:
    def are_equal() -> bool:
        # One page: a broker that has just started still changes its topics.
        page = place.page()
        digests = {peer.get("digest") for peer in page["peers"]}
        return all(map(agrees, page["peers"])) and digests == {page["digest"]}

    until(are_equal, WAIT_SECONDS, lambda: f"they should be equal: {place.page()}")
    assert place.peers()[place.java.address]["kind"] == "rocketmq"

    def is_known() -> bool:
        # A busy machine may be too late with its first answer over HTTP.
        return bool(place.peers()[place.second.address]["kind"] == "namesrv")

    until(is_known, WAIT_SECONDS, lambda: f"it should be ours: {place.page()}")


def test_no_difference_is_found_where_there_is_none(place: Place) -> None:
    assert place.differences(place.ours) == []
    assert place.differences(place.second) == []


def test_changes_of_the_java_server_are_found_and_nothing_else(place: Place) -> None:
    at_java = ("-n", place.java.address)
    assert place.run("broker", "wipe-write", BROKER, *at_java)[0] == 0
    assert place.run("kv", "put", "ORDER_TOPIC_CONFIG", "Some", "a:1", *at_java)[0] == 0
    option = "deleteTopicWithBrokerRegistration=true"
    assert place.run("config", "set", option, *at_java)[0] == 0
    code, out = place.run("topic", "list", "--json", *at_java)
    topics = json.loads(out)
    changed = place.differences(place.ours)
    # Topics that nobody may write to have the same queues as before.
    queues = [one for one in changed if one[0] == "queues"]
    assert {name for _, name, _ in queues} <= set(topics)
    assert [one for one in changed if one[0] != "queues"] == [
        ("key", "ORDER_TOPIC_CONFIG", "Some"),
        ("option", "deleteTopicWithBrokerRegistration", ""),
    ]
    assert len(queues) > 3
    found = place.wait_for(
        place.java, lambda peer: len(peer["differences"]) == len(queues)
    )
    assert found["state"] == "settling"
    assert all("r- " in one for one in found["differences"])
    assert place.peers()[place.second.address]["state"] == "agrees"

    # Java gives back 6 where a topic had 7, so that all servers have to do the same.
    at_others = ("-n", f"{place.ours.address};{place.second.address}")
    assert place.run("broker", "wipe-write", BROKER, *at_others)[0] == 0
    for some in (at_java, at_others):
        assert place.run("broker", "add-write", BROKER, *some)[0] == 0
    assert place.run("kv", "delete", "ORDER_TOPIC_CONFIG", "Some", *at_java)[0] == 0
    option = "deleteTopicWithBrokerRegistration=false"
    assert place.run("config", "set", option, *at_java)[0] == 0
    place.wait_for(place.java, agrees)
    assert place.differences(place.ours) == []


def test_a_topic_that_only_the_java_server_lost_is_one_sentence(place: Place) -> None:
    # A broker of Java's would bring it back with its next registration.
    broker = Broker("kit-broker", 0, "10.0.0.1:10911", CLUSTER)
    sent = broker.registration({"Kit1": 4, "Kit2": 4}, version=data_version(1))
    with ExitStack() as connections:
        for server in place:
            peer = connections.enter_context(Peer((HOST, server.port)))
            assert peer.ask(sent).code == 0
        place.wait_for(place.java, lambda peer: agrees(peer, brokers=2))
        assert place.run("topic", "delete", "Kit1", "-n", place.java.address)[0] == 0
        assert place.differences(place.ours) == [("topic", "Kit1", "")]
        found = place.wait_for(place.java, lambda peer: bool(peer["differences"]))
        java = place.java.address
        assert found["differences"] == [
            f"topic Kit1: this server has it on kit-broker, {java} has none"
        ]


def test_a_java_server_that_ends_is_down(place: Place) -> None:
    place.java.kill()
    found = place.wait_for(place.java, lambda peer: peer["state"] == "down")
    assert "reason" in found
    assert place.run("diff", place.java.address, place.ours.address)[0] == 3

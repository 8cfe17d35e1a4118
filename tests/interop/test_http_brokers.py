"""A broker over HTTP beside a Java broker, in one cluster of one of our servers."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from harness.broker import BrokerIdentity, JavaBroker
from harness.fleet import Fleet, wait_for, wait_for_brokers
from harness.mqadmin import Mqadmin
from harness.nameserver import HOST, NameServer, OurNameServer
from harness.traffic import Traffic
from harness.view import View

CLUSTER = "InteropCluster"
JAVA, HTTP = "java-broker", "http-broker"
HTTP_ADDR = "127.0.0.1:1"
"""Nobody listens there: mqadmin is refused at once."""
TOPIC, HTTP_TOPIC = "JavaTopic", "HttpTopic"
PATH = f"/v1/clusters/{CLUSTER}/brokers/{HTTP}/0"
TIMEOUT_MILLIS = 4_000
BEAT_SECONDS = 1.0
SCAN_SECONDS = 5.0
SLACK_SECONDS = 20.0
MESSAGES = 50
RECEIVE_SECONDS = 60.0


@dataclass
class Site:
    """Our server, the Java broker, mqadmin and a Java client."""

    server: NameServer
    broker: JavaBroker
    mqadmin: Mqadmin
    traffic: Traffic

    def ask(self, method: str, target: str, body: Any = None) -> tuple[int, Any]:
        """One request over HTTP; status and body."""
        client = http.client.HTTPConnection(HOST, self.server.port, timeout=30)
        data = None if body is None else json.dumps(body)
        headers = {} if data is None else {"Content-Type": "application/json"}
        client.request(method, target, data, headers)
        answer = client.getresponse()
        text = answer.read()
        client.close()
        return answer.status, json.loads(text) if text else None

    def put(self) -> str:
        """Register the broker over HTTP; the name of the registration."""
        body = {
            "broker_addr": HTTP_ADDR,
            "topics": [
                {"topic": HTTP_TOPIC, "read_queue_nums": 4, "write_queue_nums": 4}
            ],
            "heartbeat_timeout_millis": TIMEOUT_MILLIS,
        }
        status, said = self.ask("PUT", PATH, body)
        assert status == 200, said
        return str(said["registration"])

    @contextmanager
    def heartbeats(self) -> Iterator[None]:
        """Meanwhile the broker over HTTP is alive."""
        ended = threading.Event()
        statuses: list[int] = []

        def beat() -> None:
            target = f"{PATH}/heartbeat?broker_addr={HTTP_ADDR}"
            is_over = False
            while not is_over:
                statuses.append(self.ask("POST", target)[0])
                is_over = ended.wait(BEAT_SECONDS)

        thread = threading.Thread(target=beat)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
        assert set(statuses) == {204}

    def mqadmin_shows(self) -> str:
        """The brokers of the cluster, as mqadmin prints them."""
        return self.mqadmin.run("clusterList", "-n", self.server.address)


@pytest.fixture(scope="module")
def site(new_fleet: Callable[[str], Fleet]) -> Site:
    fleet = new_fleet("http-brokers")
    server = fleet.start(OurNameServer("ours", fleet.home("ours"), {}))
    mqadmin = fleet.mqadmin()
    server.finish_start()
    broker = fleet.broker(BrokerIdentity(CLUSTER, JAVA), [server])
    wait_for_brokers([server], [broker])
    mqadmin.run("updateTopic", "-n", server.address, "-c", CLUSTER, "-t", TOPIC)
    return Site(server, broker, mqadmin, fleet.traffic("client", [server]))


def names(view: View) -> set[str]:
    return set(view.brokers())


def test_silence_of_a_broker_over_http_ends_it_and_nothing_else(site: Site) -> None:
    site.put()
    with site.heartbeats():
        assert site.traffic.send(TOPIC, MESSAGES) == 0
        shown = site.mqadmin_shows()
        assert site.broker.address in shown and HTTP_ADDR in shown
        route = site.mqadmin.run(
            *("topicRoute", "-n", site.server.address, "-t", HTTP_TOPIC)
        )
        assert HTTP_ADDR in route and site.broker.address not in route
    seconds = TIMEOUT_MILLIS / 1000 + SCAN_SECONDS + SLACK_SECONDS
    wait_for([site.server], lambda view: names(view) == {JAVA}, seconds, JAVA)
    assert HTTP_ADDR not in site.mqadmin_shows()
    assert site.traffic.send(TOPIC, 2 * MESSAGES) == 0
    site.traffic.subscribe(TOPIC)
    site.traffic.wait_until_received(RECEIVE_SECONDS)
    assert site.traffic.sent() == 2 * MESSAGES


def test_broker_over_http_goes_by_its_last_registration(site: Site) -> None:
    first, last = site.put(), site.put()
    target = f"{PATH}?broker_addr={HTTP_ADDR}&registration="
    assert site.ask("DELETE", target + first)[0] == 409
    assert HTTP_ADDR in site.mqadmin_shows()
    assert site.ask("DELETE", target + last)[0] == 204
    shown = site.mqadmin_shows()
    assert HTTP_ADDR not in shown and site.broker.address in shown

"""Probes and metrics over real sockets, in HTTP beside the remoting protocol."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from namesrv.server.running.serving import ServingThread
from namesrv.testing.peer import Broker, Peer, lookup, registration, request
from tests.admin.metrics.test_scrape import OPENMETRICS, samples
from tests.admin.served import asking, serving_http


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServingThread]:
    """A server with a broker and a lookup of an unknown topic."""
    with serving_http(tmp_path) as server, Peer(server.addresses[0]) as peer:
        peer.ask(registration(Broker()))
        peer.ask(lookup("unknown"))
        yield server


def get(server: ServingThread, path: str, **headers: str) -> tuple[HTTPResponse, bytes]:
    """The answer to one request on a connection of its own, and its body."""
    client = asking(server.addresses[0])
    client.request("GET", path, headers=headers)
    answer = client.getresponse()
    body = answer.read()
    client.close()
    return answer, body


def test_probes_answer(server: ServingThread) -> None:
    for path, status in (("/healthz", "alive"), ("/readyz", "ready")):
        answer, body = get(server, path)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/json"
        assert json.loads(body)["status"] == status


def test_unready_server_answers_503_with_the_reason(tmp_path: Path) -> None:
    with serving_http(tmp_path, need_wait_for_service=True) as server:
        answer, body = get(server, "/readyz")
        assert answer.status == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert json.loads(body)["reason"] == "waiting"
        assert get(server, "/healthz")[0].status == 200


def test_text_is_scraped(server: ServingThread) -> None:
    answer, body = get(server, "/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found = samples(parse_text(body.decode()))
    requests = found["rocketmq_namesrv_requests_total"]
    assert requests["register_broker", "success"] == 1
    assert requests["get_routeinfo_by_topic", "topic_not_exist"] == 1
    connections = found["rocketmq_namesrv_active_connections"]
    assert connections["remoting", "open", "false"] == 1
    assert (
        sum(n for (protocol, *_), n in connections.items() if protocol == "http") == 1
    )
    assert found["rocketmq_namesrv_active_brokers"] == {("c1",): 1}
    assert (
        found["rocketmq_namesrv_request_duration_seconds_sum"]["register_broker",] > 0
    )


def test_openmetrics_is_scraped(server: ServingThread) -> None:
    _, text = get(server, "/metrics")
    answer, body = get(server, "/metrics", accept=OPENMETRICS)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    found = samples(parse_openmetrics(body.decode()))
    assert found.keys() >= samples(parse_text(text.decode())).keys()


def test_requests_in_http_and_their_bytes_count(server: ServingThread) -> None:
    for path in ("/readyz", "/nothing"):
        get(server, path)
    _, body = get(server, "/metrics")
    found = samples(parse_text(body.decode()))
    assert found["rocketmq_namesrv_http_requests_total"] == {("200",): 1, ("404",): 1}
    assert found["rocketmq_namesrv_sent_bytes_total"]["http",] > 300


def test_one_connection_scrapes_again_and_again(server: ServingThread) -> None:
    client = asking(server.addresses[0])
    for _ in range(5):
        client.request("GET", "/metrics", headers={"accept-encoding": "gzip"})
        answer = client.getresponse()
        assert answer.status == 200
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.read()
    client.close()


def test_lookups_are_answered_while_the_client_library_is_imported(
    server: ServingThread,
) -> None:
    first = asking(server.addresses[0])
    first.request("GET", "/metrics")
    with Peer(server.addresses[0]) as peer:
        assert peer.ask(request(106, {})).code == 0
    assert first.getresponse().status == 200
    first.close()


def test_server_without_a_scrape_has_not_imported_the_client_library() -> None:
    script = """
import sys
from http.client import HTTPConnection
from namesrv import Options, serving
from namesrv.admin.companion import HttpCompanion
options = Options(bind_address="127.0.0.1", listen_port=0, tls_server_mode="disabled")
with serving(options, companions=[HttpCompanion()]) as server:
    for path in ("/readyz", "/metrics"):
        client = HTTPConnection(*server.addresses[0])
        client.request("GET", path)
        print(client.getresponse().status, "prometheus_client" in sys.modules)
        client.close()
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines()[:2] == ["200 False", "200 True"]

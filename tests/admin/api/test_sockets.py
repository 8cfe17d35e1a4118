"""Each endpoint over real sockets, through a running server."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from namesrv.admin.table import ENDPOINTS
from namesrv.testing.peer import Broker, Peer, lookup, put_kv
from tests.admin.served import asking, serving_http

TOKEN = "write-token-of-the-tests"
BROKER = "/v1/clusters/c2/brokers/side-car/0"
ADDR = "10.9.9.9%3A10911"
PERM = "/v1/brokers/{name}/write_perm"


class Ask(NamedTuple):
    """A request for an endpoint, and the status of its answer."""

    method: str
    path: str
    target: str
    status: int
    body: Any = None


ASKS = [
    Ask("GET", "/version", "/version", 200),
    Ask("GET", "/healthz", "/healthz", 200),
    Ask("GET", "/readyz", "/readyz", 200),
    Ask("GET", "/metrics", "/metrics", 200),
    Ask("GET", "/v1/topics", "/v1/topics?limit=1", 200),
    Ask("GET", "/v1/topics/{topic}", "/v1/topics/Orders", 200),
    Ask("GET", "/v1/topics/{topic}/route", "/v1/topics/Orders/route?version=400", 200),
    Ask("GET", "/v1/topics/{topic}/explain", "/v1/topics/Nowhere/explain", 200),
    Ask("GET", "/v1/brokers/{name}/explain", "/v1/brokers/nobody/explain", 200),
    Ask("GET", "/v1/clusters", "/v1/clusters", 200),
    Ask("GET", "/v1/brokers", "/v1/brokers?problem=any", 200),
    Ask("GET", "/v1/brokers/{name}", "/v1/brokers/broker-a", 200),
    Ask(
        "DELETE",
        "/v1/brokers/{name}/write_perm",
        "/v1/brokers/broker-a/write_perm",
        200,
    ),
    Ask("PUT", PERM, "/v1/brokers/broker-a/write_perm", 200),
    Ask(
        "PUT",
        "/v1/clusters/{cluster}/brokers/{name}/{id}",
        BROKER,
        200,
        {
            "broker_addr": "10.9.9.9:10911",
            "topics": [{"topic": "Side"}, {"topic": "Car"}],
        },
    ),
    Ask(
        "POST",
        "/v1/clusters/{cluster}/brokers/{name}/{id}/heartbeat",
        f"{BROKER}/heartbeat?broker_addr={ADDR}",
        204,
    ),
    Ask(
        "DELETE",
        "/v1/clusters/{cluster}/brokers/{name}/{id}",
        f"{BROKER}?broker_addr={ADDR}&registration=0-0",
        409,
    ),
    Ask("GET", "/v1/kv", "/v1/kv", 200),
    Ask("GET", "/v1/kv/{namespace}", "/v1/kv/ns", 200),
    Ask("GET", "/v1/kv/{namespace}/{key}", "/v1/kv/ns/k", 200),
    Ask("PUT", "/v1/kv/{namespace}/{key}", "/v1/kv/ns/new", 204, {"value": "v"}),
    Ask("DELETE", "/v1/kv/{namespace}/{key}", "/v1/kv/ns/new", 204),
    Ask("GET", "/v1/config", "/v1/config", 200),
    Ask("PATCH", "/v1/config", "/v1/config", 204, {"orderMessageEnable": True}),
    Ask("GET", "/v1/connections", "/v1/connections", 200),
    Ask("GET", "/v1/missing", "/v1/missing", 200),
    Ask("GET", "/v1/digest", "/v1/digest", 200),
    Ask("GET", "/v1/peers", "/v1/peers", 200),
    Ask("GET", "/v1/history", "/v1/history?broker=x", 200),
    Ask("GET", "/v1/history/at", "/v1/history/at?time=0s", 200),
    Ask("GET", "/v1/history/between", "/v1/history/between?from=0s&to=0s", 200),
    # One without a mistake would not end.
    Ask("GET", "/v1/events", "/v1/events?type=Nothing", 400),
    Ask("GET", "/rocketmq/nsaddr", "/rocketmq/nsaddr", 200),
    Ask("GET", "/rocketmq/nsaddr-{unit}", "/rocketmq/nsaddr-east?nofix=1", 200),
    Ask("GET", "/openapi.json", "/openapi.json", 200),
    Ask("GET", "/api", "/api", 200),
    Ask("GET", "/v1/write_right", "/v1/write_right", 204),
    Ask("GET", "/v1/problems", "/v1/problems", 200),
    Ask("GET", "/v1/node", "/v1/node", 200),
    Ask("GET", "/", "/", 200),
    Ask("GET", "/console/{file}", "/console/main.js", 200),
    Ask("DELETE", "/v1/topics/{topic}", "/v1/topics/Orders", 204),
]


class Served(NamedTuple):
    """A running server with a broker: one HTTP and one remoting connection."""

    http: HTTPConnection
    remoting: Peer

    def ask(
        self, target: str, method: str = "GET", body: Any = None, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, body and header of the answer to one request."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        names["Authorization"] = f"Bearer {TOKEN}"
        if body is not None:
            names.setdefault("Content-Type", "application/json")
        data = None if body is None else json.dumps(body).encode()
        self.http.request(method, target, data, names)
        answer = self.http.getresponse()
        read = answer.read()
        content_type = answer.getheader("Content-Type", "")
        if read and content_type.endswith("json"):
            return answer.status, json.loads(read), dict(answer.getheaders())
        return answer.status, read, dict(answer.getheaders())


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A server with a token, a broker of two topics, and a key."""
    tokens = tmp_path / "tokens"
    tokens.write_text(f"write={TOKEN}\n")
    tokens.chmod(0o600)
    options: dict[str, Any] = {
        "http_token_file": str(tokens),
        "advertise": "ns1:9876",
    }
    with serving_http(tmp_path / "data", **options) as server:
        address = server.addresses[0]
        with Peer(address) as peer:
            broker = Broker()
            peer.ask(broker.registration({"Orders": 4, "Bills": 4}))
            peer.ask(put_kv("ns", "k", "v"))
            client = asking(address)
            yield Served(client, peer)
            client.close()


def test_every_endpoint_answers_on_one_connection(served: Served) -> None:
    for ask in ASKS:
        status, body, _ = served.ask(ask.target, ask.method, ask.body)
        assert status == ask.status, (ask, body)


def test_every_endpoint_of_the_table_is_asked() -> None:
    assert sorted((a.method, a.path) for a in ASKS) == sorted(
        (e.method, e.path) for e in ENDPOINTS
    )


def test_head_has_the_length_of_get_and_no_body(served: Served) -> None:
    for path in ("/v1/topics", "/version", "/api"):
        _, body, got = served.ask(path)
        status, empty, headers = served.ask(path, "HEAD")
        assert (status, empty) == (200, b"")
        assert headers["Content-Type"] == got["Content-Type"]
        if path != "/version":
            assert headers["Content-Length"] == got["Content-Length"]
            assert headers["ETag"] == got["ETag"]


def test_a_change_is_seen_by_both_protocols(served: Served) -> None:
    served.ask("/v1/topics/Orders", "DELETE")
    assert served.remoting.ask(lookup("Orders")).code == 17
    assert served.ask("/v1/topics/Orders")[0] == 404


def test_a_tag_saves_an_answer(served: Served) -> None:
    _, _, headers = served.ask("/v1/topics")
    status, body, _ = served.ask("/v1/topics", If_None_Match=headers["ETag"])
    assert (status, body) == (304, b"")
    served.remoting.ask(Broker("b", 0, "10.0.0.2:1").registration({"X": 1, "Y": 1}))
    assert served.ask("/v1/topics", If_None_Match=headers["ETag"])[0] == 200


def test_messagepack_travels_both_ways(served: Served) -> None:
    kind = "application/msgpack"
    _, body, headers = served.ask("/v1/topics/Orders/route", Accept=kind)
    assert headers["Content-Type"] == kind
    route = msgspec.msgpack.decode(body)
    assert route == served.ask("/v1/topics/Orders/route")[1]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/version"])
def test_probes_are_negotiated(served: Served, path: str) -> None:
    kind = "application/msgpack"
    _, body, headers = served.ask(path, Accept=kind)
    assert headers["Content-Type"] == kind
    assert msgspec.msgpack.decode(body).keys() == served.ask(path)[1].keys()


def test_a_large_route_comes_in_steps_beside_lookups(served: Served) -> None:
    for number in range(600):
        broker = Broker(f"b{number}", 0, f"10.0.0.1:{number + 1}")
        served.remoting.ask(broker.registration({"Wide": 1, "W": 1}))
    status, route, _ = served.ask("/v1/topics/Wide/route?version=400")
    assert (status, len(route["queue_datas"])) == (200, 600)
    status, page, _ = served.ask("/v1/brokers?limit=500", Accept_Encoding="identity")
    assert (status, len(page["items"])) == (200, 500)


def test_connections_have_their_protocol(served: Served) -> None:
    _, page, _ = served.ask("/v1/connections")
    protocols = {item["protocol"]: item["client_version"] for item in page["items"]}
    assert protocols["http"] is None
    assert protocols["remoting"] is not None


def test_a_wrong_request_is_a_problem(served: Served) -> None:
    status, body, headers = served.ask("/v1/topics?limit=0")
    assert status == 400
    assert headers["Content-Type"] == "application/problem+json"
    assert body["errors"][0]["path"] == "$.limit"
    assert served.ask("/v1/kv/ns/k", "PUT", {"value": 5})[0] == 400
    assert served.ask("/v1/nothing")[0] == 404


def test_the_page_has_its_own_policy_and_no_other(served: Served) -> None:
    _, _, headers = served.ask("/api")
    assert "style-src 'sha256-" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    _, _, others = served.ask("/version")
    assert "style-src" not in others["Content-Security-Policy"]


def test_a_browser_gets_the_description_of_the_api_without_a_token(
    tmp_path: Path,
) -> None:
    statuses = []
    tokens = tmp_path / "tokens"
    tokens.touch(0o600)
    tokens.write_text("read=a-token-of-the-tests\n")
    options: Any = {"http_access": "token", "http_token_file": str(tokens)}
    with serving_http(tmp_path / "data", **options) as server:
        for path in ("/api", "/openapi.json", "/v1/topics"):
            client = asking(server.addresses[0])
            client.request("GET", path)
            statuses.append(client.getresponse().status)
            client.close()
    assert statuses == [200, 200, 401]

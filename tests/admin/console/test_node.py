"""`/v1/node`: options, connections, memory and rates."""

from pathlib import Path

from namesrv.testing.peer import Broker, lookup
from tests.admin.console.conftest import Asked, Make

A = Broker("broker-a", 0, "10.0.0.1:10911", "c1")


def test_totals_and_connections(asked: Asked) -> None:
    asked.register(A, {"Orders": 4, "Bills": 4})
    node = asked.get("/v1/node")
    assert (node["topics"], node["broker_groups"], node["live_brokers"]) == (2, 1, 1)
    assert node["clusters"] == 1
    assert node["connections"]["total"] == 2
    assert node["connections"]["with_brokers"] == 1
    assert node["connections"]["limit"] >= 100
    assert node["obstacle"] is None


def test_only_options_that_differ_are_shown(make: Make, tmp_path: Path) -> None:
    tokens = tmp_path / "secret-place"
    asked = make(max_routes=7, http_token_file=str(tokens))
    options = {one["name"]: one for one in asked.get("/v1/node")["options"]}
    assert options["maxRoutes"]["value"] == 7
    assert options["maxRoutes"]["default"] != 7
    assert options["httpTokenFile"]["value"] == "(set)"
    assert "kvConfigPath" not in options
    assert "maxConnections" not in options


def test_secrets_are_hidden(make: Make) -> None:
    asked = make(tls_server_key_password="sesame")
    body = str(asked.get("/v1/node"))
    assert "tlsServerKeyPassword" in body
    assert "sesame" not in body


def test_memory_has_the_parts_of_the_formula(asked: Asked) -> None:
    asked.register(A, {f"T{number}": 4 for number in range(100)})
    memory = asked.get("/v1/node")["memory"]
    parts = {one["part"]: one for one in memory["parts"]}
    assert parts["topics"]["count"] == 100
    assert parts["topics"]["most_bytes"] == 100 * (1000 + 4 * 2)
    assert memory["most_bytes"] == sum(one["most_bytes"] for one in memory["parts"])
    assert memory["resident_bytes"] > 1 << 20


def test_rates_are_those_between_two_samples(asked: Asked) -> None:
    peer = asked.register(A, {"Orders": 4, "Bills": 4})
    asked.server.tick(5000)
    for _ in range(10):
        peer.receive(lookup("Orders"))
    for _ in range(5):
        peer.receive(lookup("Odres"))
    asked.server.tick(5000)
    rates = asked.get("/v1/node")["rates"]
    assert rates["interval_millis"] == 5000
    assert rates["registrations"] == [0.2, 0]
    assert rates["lookups"] == [0, 3.0]
    assert rates["unknown_topics"] == [0, 1.0]
    assert rates["changes"] == [0.2, 0]


def test_rates_go_ten_minutes_back(asked: Asked) -> None:
    for _ in range(130):
        asked.server.tick(5000)
    assert len(asked.get("/v1/node")["rates"]["lookups"]) == 120

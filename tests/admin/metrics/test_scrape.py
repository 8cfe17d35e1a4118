"""/metrics: read by the client library's own parsers."""

from collections.abc import Iterable

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from namesrv.admin.metrics.table import METRICS
from namesrv.testing.peer import Broker, registration
from tests.admin.metrics.conftest import Make
from tests.admin.metrics.inside_server import InsideServer

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def text_of(server: InsideServer, accept: str = "") -> str:
    answer = server.get("/metrics", accept=accept)
    assert answer.status == 200
    return answer.body.decode()


def samples(families: Iterable[Family]) -> dict[str, dict[tuple[str, ...], float]]:
    """By name, and by the values of the labels in the order of their names."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in families:
        for sample in family.samples:
            values = tuple(sample.labels[name] for name in sorted(sample.labels))
            found.setdefault(sample.name, {})[values] = sample.value
    return found


def scraped(server: InsideServer) -> dict[str, dict[tuple[str, ...], float]]:
    """The samples of a scrape, without the prefix."""
    found = samples(parse_text(text_of(server)))
    return {name.removeprefix("rocketmq_namesrv_"): of for name, of in found.items()}


def test_text_has_every_metric_of_the_table_once(server: InsideServer) -> None:
    families = list(parse_text(text_of(server)))
    names = [
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in families
    ]
    assert names == [metric.name for metric in METRICS]


def test_openmetrics_is_written_for_those_that_accept_it(server: InsideServer) -> None:
    answer = server.get("/metrics", accept=OPENMETRICS)
    assert answer.content_type.startswith("application/openmetrics-text")
    assert answer.body.endswith(b"# EOF\n")
    assert answer.body.count(b"# EOF\n") == 1
    other = samples(parse_openmetrics(answer.body.decode()))
    assert other.keys() == samples(parse_text(text_of(server))).keys()


def test_text_is_written_for_all_others(server: InsideServer) -> None:
    answer = server.get("/metrics", accept="text/html, */*")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"


def test_each_broker_has_the_time_since_it_was_heard_from(server: InsideServer) -> None:
    server.peer.receive(registration(Broker(name="b0", addr="10.0.0.1:1")))
    server.tick(1500)
    found = scraped(server)
    assert found["broker_last_heard_seconds"] == {("10.0.0.1:1", "b0", "c1"): 1.5}
    assert found["broker_longest_silence_seconds"] == {(): 1.5}
    assert found["active_brokers"] == {("c1",): 1}


def test_series_of_brokers_can_be_switched_off(make: Make) -> None:
    server = make(metrics_per_broker=False)
    server.peer.receive(registration(Broker()))
    assert "broker_last_heard_seconds" not in scraped(server)
    assert scraped(server)["active_brokers"] == {("c1",): 1}


def test_no_more_than_a_thousand_brokers_have_a_series(server: InsideServer) -> None:
    for number in range(1010):
        broker = Broker(name=f"b{number:04}", addr=f"10.0.0.1:{number:04}")
        server.peer.receive(registration(broker))
        server.loop_free.turn_until_quiet()
    for accept in ("", OPENMETRICS):
        text = text_of(server, accept)
        lines = [line for line in text.splitlines() if "last_heard_seconds{" in line]
        assert len(lines) == 1000
        assert 'address="10.0.0.1:0000",broker="b0000"' in lines[0]
        assert 'address="10.0.0.1:0999",broker="b0999"' in lines[-1]
        assert text.count("# TYPE rocketmq_namesrv_broker_last_heard_seconds") == 1
    assert scraped(server)["active_brokers"] == {("c1",): 1010}


def test_clusters_beyond_the_limit_are_summed(server: InsideServer) -> None:
    for number in range(60):
        broker = Broker(
            name=f"b{number}", addr=f"10.0.0.1:{number}", cluster=f"c{number:02}"
        )
        server.peer.receive(registration(broker))
        server.loop_free.turn_until_quiet()
    found = scraped(server)
    assert len(found["active_brokers"]) == len(found["cluster_topics"]) == 51
    assert found["active_brokers"]["(others)",] == 10

"""The numbers of a scrape: each occurrence is counted, once."""

from typing import Any

import pytest

from namesrv.errors import StorageError
from namesrv.testing.peer import (
    Broker,
    data_version,
    lookup,
    put_kv,
    registration,
    registration_body,
    request,
    topic_table,
)
from namesrv.work import finish
from tests.admin.metrics.conftest import Make
from tests.admin.metrics.inside_server import InsideServer
from tests.admin.metrics.test_health import LEASE_MILLIS, start_warm
from tests.admin.metrics.test_scrape import scraped
from tests.hot_path.lone_connection import registration_fields

BODY = registration_body(topic_table("t1", "t2"))
SLAVE = Broker(id=1, addr="10.0.0.2:10911")


def send(server: InsideServer, *frames: bytes) -> None:
    """Frames of the first peer, each answered before the next comes."""
    for frame in frames:
        server.peer.receive(frame)
        server.loop_free.turn_until_quiet()


def numbers(server: InsideServer, name: str) -> dict[Any, float]:
    """The samples that are not 0, by the values of their labels; a single label
    stands alone."""
    found = scraped(server).get(name, {})
    return {
        labels[0] if len(labels) == 1 else labels: number
        for labels, number in found.items()
        if number
    }


def number(server: InsideServer, name: str) -> float:
    """The one sample of a metric without labels."""
    return scraped(server)[name][()]


def test_requests_count_by_code_and_result(server: InsideServer) -> None:
    send(
        server,
        registration(Broker(), BODY),
        *(lookup("t1"), lookup("t1"), lookup("t3")),
        request(904, Broker().ext_fields),
        request(906, {}),
        request(101, {"namespace": "n", "key": "k"}),
        request(105, {}),
    )
    assert numbers(server, "requests_total") == {
        ("register_broker", "success"): 1,
        ("get_routeinfo_by_topic", "success"): 2,
        ("get_routeinfo_by_topic", "topic_not_exist"): 2,
        ("broker_heartbeat", "success"): 1,
        ("other", "request_code_not_supported"): 1,
        ("get_kv_config", "query_not_found"): 1,
    }


def test_lookups_count_by_result(make: Make) -> None:
    server = make(need_wait_for_service=True)
    send(server, registration(Broker(), BODY), lookup("t1"))
    server.tick(45_000)
    send(server, lookup("t1"), lookup("t1"), lookup("t1"), lookup("t3"))
    assert numbers(server, "route_request_total") == {
        "refused": 1,
        "made": 1,
        "hit": 2,
        "unknown": 1,
    }
    assert number(server, "route_cache_topics") == 1
    kept_bytes = server.state.tables.route_answers.kept_bytes
    assert number(server, "route_cache_bytes") == kept_bytes > 0


def test_requests_of_a_drain_count_as_sent_away(server: InsideServer) -> None:
    server.state.drain(server.now_ms)
    send(server, request(106, {}, version=500))
    assert numbers(server, "requests_total") == {
        ("get_broker_cluster_info", "go_away"): 1
    }


def test_request_that_waited_for_a_file_counts_when_it_is_answered(
    server: InsideServer,
) -> None:
    send(server, put_kv("n", "k", "v"))
    assert numbers(server, "requests_total") == {}
    server.loop_free.finish_write(StorageError("write", "a file", "the disk is full"))
    assert numbers(server, "requests_total") == {("put_kv_config", "system_error"): 1}
    assert numbers(server, "kv_events_total") == {}


def test_cold_requests_are_in_the_histogram(server: InsideServer) -> None:
    nanos = iter(range(0, 10**12, 700_000))
    server.state.request_counts._nanos = lambda: next(nanos)
    send(server, request(106, {}), lookup("t"), request(106, {}))
    found = scraped(server)
    name = "request_duration_seconds"
    asked = "get_broker_cluster_info"
    assert found[f"{name}_count"] == {(asked,): 2}
    assert found[f"{name}_sum"] == {(asked,): 0.0014}
    buckets = found[f"{name}_bucket"]
    assert (buckets[asked, "0.0005"] if (asked, "0.0005") in buckets else 0) == 0
    assert sorted(set(buckets.values())) == [0, 2]


def test_registrations_count_by_kind(server: InsideServer) -> None:
    fields = registration_fields(Broker(), BODY)
    frame = request(103, fields, BODY)
    send(server, frame, frame, frame)
    send(server, registration(Broker(), registration_body(topic_table("t1", "t9"))))
    send(server, registration(Broker(id=7, addr="10.0.0.7:1"), b"{"))
    assert numbers(server, "registration_events_total") == {
        "new": 1,
        "unchanged": 2,
        "changed": 1,
        "refused": 1,
    }
    assert number(server, "registration_epoch") == 4


def test_cold_registration_that_changes_nothing_counts_as_unchanged(
    server: InsideServer,
) -> None:
    send(server, registration(Broker(), BODY))
    finish(server.state.tables.forget_all_digests())
    send(server, registration(Broker(), BODY))
    assert server.state.hot.unchanged_registrations == 0
    assert numbers(server, "registration_events_total") == {"new": 1, "unchanged": 1}


def test_registration_of_an_older_broker_counts_as_refused(
    server: InsideServer,
) -> None:
    newer = registration_body(version=data_version(state_version=2))
    send(server, registration(Broker(), newer))
    older = Broker(addr="10.0.0.8:10911")
    send(server, registration(older, BODY), registration(older, BODY))
    assert numbers(server, "registration_events_total") == {"new": 1, "refused": 2}


def test_ends_of_brokers_count_by_cause(server: InsideServer) -> None:
    for index, broker in enumerate([Broker(), SLAVE, Broker(name="b", addr="x:1")]):
        send(server, registration(broker, BODY, opaque=index))
    send(server, request(104, SLAVE.ext_fields))
    replacing = Broker(addr="10.0.0.3:10911")
    send(server, registration(replacing, BODY))
    server.peer.protocol.connection_lost(None)
    server.loop_free.turn_until_quiet()
    server.peer = server.loop_free.accept()
    assert numbers(server, "unregistration_events_total") == {
        "request": 1,
        "replaced": 1,
        "disconnect": 2,
    }
    assert numbers(server, "active_brokers") == {}


def test_expiries_count(server: InsideServer) -> None:
    send(server, registration(Broker(timeout_millis=1000), BODY))
    for _ in range(30):
        server.tick(400)
    assert numbers(server, "expiry_events_total") == {"silence": 1}


def test_leases_that_end_count_as_such(server: InsideServer) -> None:
    start_warm(server, 2)
    assert number(server, "warm_start") == 1
    assert numbers(server, "warm_start_brokers") == {"unconfirmed": 2}
    for _ in range(LEASE_MILLIS // 1000 + 10):
        server.tick(1000)
    assert numbers(server, "expiry_events_total") == {"lease": 2}
    assert numbers(server, "warm_start_brokers") == {"settled": 2}


def test_changes_of_operators_count(server: InsideServer) -> None:
    send(server, registration(Broker(), BODY))
    name = {"brokerName": "broker-a"}
    send(server, request(205, name), request(327, name), request(216, {"topic": "t1"}))
    send(server, put_kv("n", "k", "v"))
    server.loop_free.finish_write()
    send(server, request(102, {"namespace": "n", "key": "k"}))
    server.loop_free.finish_write()
    assert numbers(server, "operator_events_total") == {
        "write_permission_wiped": 1,
        "write_permission_added": 1,
        "topic_removed": 1,
    }
    assert numbers(server, "kv_events_total") == {"put": 1, "deleted": 1}


def test_topics_count_by_cluster_and_in_all(server: InsideServer) -> None:
    send(server, registration(Broker(), BODY))
    other = Broker(name="b", addr="x:1", cluster="c2")
    send(server, registration(other, registration_body(topic_table("t2", "t3"))))
    assert numbers(server, "cluster_topics") == {"c1": 2, "c2": 2}
    assert number(server, "topics") == 3
    assert number(server, "routes") == 4
    assert number(server, "broker_groups") == 2
    send(server, request(216, {"topic": "t2"}))
    assert numbers(server, "cluster_topics") == {"c1": 1, "c2": 1}


@pytest.fixture
def connections(server: InsideServer) -> InsideServer:
    """A server with connections in each state."""
    loop_free = server.loop_free
    server.peer.receive(lookup("t"))
    loop_free.accept()
    waiting = loop_free.accept()
    waiting.receive(put_kv("n", "k", "v"))
    blocked = loop_free.accept()
    blocked.receive(lookup("t"))
    blocked.transport.unsent_bytes = 5000
    blocked.protocol.pause_writing()
    closing = loop_free.accept()
    closing.receive(lookup("t"))
    closing.protocol.close()
    return server


def test_connections_count_by_protocol_and_state(connections: InsideServer) -> None:
    assert numbers(connections, "active_connections") == {
        ("remoting", "open", "false"): 1,
        ("unknown", "open", "false"): 1,
        ("remoting", "waiting", "false"): 1,
        ("remoting", "blocked", "false"): 1,
        ("remoting", "closing", "false"): 1,
    }
    assert numbers(connections, "connection_events_total") == {"opened": 5}
    assert number(connections, "unsent_output_bytes") == 5000


def test_connections_beyond_the_limit_count_as_refused(make: Make) -> None:
    server = make(max_connections=1)
    server.loop_free.accept()
    assert numbers(server, "connection_events_total") == {"opened": 1, "refused": 1}


def test_faults_count_by_kind(server: InsideServer) -> None:
    for data in (b"\x00\x00\x00\x01\x00", b"\x7f\xff\xff\xff" * 2, b"\xff" * 8):
        server.loop_free.accept().receive(data)
    assert numbers(server, "connection_faults_total") == {
        "frame_too_short": 1,
        "frame_too_long": 2,
    }


def test_bytes_count_as_they_come_and_go(server: InsideServer) -> None:
    data = lookup("t") + request(106, {})
    send(server, data)
    assert numbers(server, "received_bytes_total") == {"remoting": len(data)}
    sent_bytes = sum(server.peer.write_sizes())
    assert numbers(server, "sent_bytes_total") == {"remoting": sent_bytes}
    send(server, data[:10])
    assert number(server, "kept_input_bytes") == 10


def test_turns_and_waits_for_them_count(server: InsideServer) -> None:
    requests = b"".join(request(106, {}, opaque=n) for n in range(200))
    send(server, requests)
    waits = number(server, "turns_waited_total")
    assert waits >= 3
    assert waits <= number(server, "turns_total") <= waits + 1


def test_stalls_count_by_their_maker(server: InsideServer) -> None:
    for _ in range(3):
        server.tick(100)
    server.tick(3000)
    server.clock.cpu_ms += 3000
    server.tick(3000)
    assert numbers(server, "stalls_total") == {"machine": 1, "own": 1}
    assert number(server, "loop_lag_longest_seconds") == 2.9


def test_snapshots_count_with_their_size_and_age(server: InsideServer) -> None:
    assert "snapshot_age_seconds" not in scraped(server)
    send(server, registration(Broker(), BODY))
    server.tick(10_000)
    job = server.jobs.pop()
    size_bytes = sum(map(len, job.content()))
    server.clock.now_ms += 250
    job.done(None)
    server.tick(750)
    assert number(server, "snapshot_age_seconds") == 0.75
    assert number(server, "snapshot_size_bytes") == size_bytes
    assert number(server, "snapshot_writing_seconds_total") == 0.25
    send(server, registration(SLAVE, BODY))
    server.tick(10_000)
    server.jobs.pop().done(StorageError("write", "a file", "the disk is full"))
    assert numbers(server, "snapshots_total") == {"written": 1, "failed": 1}
    assert number(server, "snapshot_age_seconds") == 10.75


def test_build_names_version_and_twin(server: InsideServer) -> None:
    [labels] = scraped(server)["build_info"]
    assert labels[0] in ("fast", "pure")


@pytest.mark.parametrize(("gated", "ready"), [(False, 1), (True, 0)])
def test_readiness_is_that_of_the_probe(make: Make, gated: bool, ready: int) -> None:
    assert number(make(need_wait_for_service=gated), "ready") == ready


def test_process_is_measured(server: InsideServer) -> None:
    assert number(server, "process_resident_memory_bytes") > 10_000_000
    assert number(server, "process_cpu_seconds_total") > 0
    assert 3 < number(server, "process_open_fds") < number(server, "process_max_fds")

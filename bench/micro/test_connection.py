"""`Connection.receive`: a whole read, from bytes to bytes."""

from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.driver.client import OPAQUE
from bench.driver.tables import DATA_VERSION_MILLIS
from bench.micro.served import NOW_MS, TABLE, Served, lookup_frames
from namesrv.testing.peer import Request, data_version, json_bytes

QUERY_DATA_VERSION = 322
SIZES = (1, 16)
UNKNOWN = TABLE.topics


@pytest.fixture(scope="module")
def served(twin: Any) -> Served:
    """A server whose every topic was asked for."""
    server = Served(twin)
    server.fill(TABLE)
    server.receive(lookup_frames(TABLE.topics))
    return server


@pytest.mark.parametrize("lookups", SIZES)
def test_receive_lookups(
    served: Served, lookups: int, benchmark: BenchmarkFixture
) -> None:
    answer = _receive(served, lookup_frames(lookups), lookups, benchmark)
    assert answer.count(b'"code":0') == lookups


@pytest.mark.parametrize("lookups", SIZES)
def test_receive_unknown_topics(
    served: Served, lookups: int, benchmark: BenchmarkFixture
) -> None:
    frames = lookup_frames(lookups, UNKNOWN)
    answer = _receive(served, frames, lookups, benchmark)
    assert answer.count(b'"code":17') == lookups


@pytest.mark.parametrize("heartbeats", SIZES)
def test_receive_904(
    served: Served, heartbeats: int, benchmark: BenchmarkFixture
) -> None:
    frames = TABLE.heartbeat(2).frame(OPAQUE) * heartbeats
    answer = _receive(served, frames, heartbeats, benchmark)
    assert answer.count(b'"code":0') == heartbeats


@pytest.mark.parametrize("queries", SIZES)
def test_receive_322(served: Served, queries: int, benchmark: BenchmarkFixture) -> None:
    body = json_bytes(data_version(0, DATA_VERSION_MILLIS))
    request = Request(QUERY_DATA_VERSION, TABLE.registration(2).ext_fields, body)
    answer = _receive(served, request.frame(OPAQUE) * queries, queries, benchmark)
    assert answer.count(b'"changed":"false"') == queries


def _receive(
    served: Served, frames: bytes, requests: int, benchmark: BenchmarkFixture
) -> bytes:
    benchmark.extra_info["requests"] = requests
    answer: bytes = benchmark(served.connection.receive, frames, NOW_MS)
    assert not served.connection.has_side_effects, "this is not the hot path"
    return answer

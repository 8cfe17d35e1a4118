"""`Lookups.receive`: a read of a lane, without its sockets."""

from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.driver.client import OPAQUE
from bench.micro.served import TABLE, Served, lookup_frames
from namesrv.codes import FLAG_ONEWAY
from namesrv.hot_path import Verdict
from namesrv.testing.peer import Request

SIZES = (1, 16)
UNKNOWN = TABLE.topics
MANY = 256


@pytest.fixture(scope="module")
def lane(twin: Any) -> Any:
    """A lane of a server whose every topic was asked for."""
    server = Served(twin)
    server.fill(TABLE)
    server.receive(lookup_frames(TABLE.topics))
    return twin.Lookups(server.state.hot)


@pytest.mark.parametrize("lookups", SIZES)
def test_lane_lookups(lane: Any, lookups: int, benchmark: BenchmarkFixture) -> None:
    answer = _receive(lane, lookup_frames(lookups), lookups, benchmark)
    assert answer.count(b'"code":0') == lookups


@pytest.mark.parametrize("lookups", SIZES)
def test_lane_unknown_topics(
    lane: Any, lookups: int, benchmark: BenchmarkFixture
) -> None:
    frames = lookup_frames(lookups, UNKNOWN)
    answer = _receive(lane, frames, lookups, benchmark)
    assert answer.count(b'"code":17') == lookups


def test_lane_lookups_without_output(lane: Any, benchmark: BenchmarkFixture) -> None:
    """One-way lookups find their answers and do not copy them: this is the time that a
    lane needs to read a lookup and to find its answer."""
    topics = map(TABLE.topic, range(MANY))
    frames = b"".join(
        Request(105, {"topic": topic}, flag=FLAG_ONEWAY).frame(OPAQUE)
        for topic in topics
    )
    assert _receive(lane, frames, MANY, benchmark) == b""


def _receive(
    lane: Any, frames: bytes, requests: int, benchmark: BenchmarkFixture
) -> bytes:
    benchmark.extra_info["requests"] = requests
    answer: bytes = benchmark(lane.receive, frames)
    assert lane.verdict == Verdict.GO_ON
    return answer

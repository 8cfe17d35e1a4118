"""Heartbeats and the expiry scan in the live table."""

from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.micro.served import NOW_MS
from namesrv.wire.bodies import DataVersion

CLUSTER = "DefaultCluster"
TIMEOUT_MILLIS = 120_000
SIZES = {"1,000 brokers": 1000, "10,000 brokers": 10_000}


@pytest.mark.parametrize("size", SIZES)
def test_touch(twin: Any, size: str, benchmark: BenchmarkFixture) -> None:
    table = _filled(twin, SIZES[size])
    assert benchmark(table.touch, CLUSTER, _address(SIZES[size] // 2), NOW_MS)


@pytest.mark.parametrize("size", SIZES)
def test_expiry_scan(twin: Any, size: str, benchmark: BenchmarkFixture) -> None:
    table = _filled(twin, SIZES[size])
    assert benchmark(table.expired, NOW_MS + TIMEOUT_MILLIS) == []


def _address(number: int) -> str:
    return f"10.0.{number // 250}.{number % 250}:10911"


def _filled(twin: Any, size: int) -> Any:
    table = twin.BrokerLiveTable()
    version = DataVersion(1, 2, 3)
    for number in range(size):
        info = twin.BrokerLiveInfo(
            CLUSTER,
            _address(number),
            f"broker-{number}",
            TIMEOUT_MILLIS,
            version,
            _address(number),
            None,
        )
        table.put(info, NOW_MS)
    return table

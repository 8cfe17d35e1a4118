"""A broker's registration, read and applied: repeated, and with one topic changed."""

import json
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.driver.client import OPAQUE
from bench.driver.tables import Table
from bench.micro.served import Served
from namesrv.testing.peer import Request, json_bytes, registration_fields

SIZES = {"1,000 topics": 1000, "10,000 topics": 10_000}


@pytest.mark.parametrize("size", SIZES)
def test_unchanged_registration(
    twin: Any, size: str, benchmark: BenchmarkFixture
) -> None:
    table = Table("again", SIZES[size], brokers=1, copies=1)
    requests = [table.registration(0, sending) for sending in range(2)]
    _alternate(twin, requests, benchmark)


@pytest.mark.parametrize("size", SIZES)
def test_changed_registration(
    twin: Any, size: str, benchmark: BenchmarkFixture
) -> None:
    table = Table("again", SIZES[size], brokers=1, copies=1)
    first = table.registration(0)
    _alternate(twin, [first, _with_a_change(table, first)], benchmark)


def _with_a_change(table: Table, request: Request) -> Request:
    """As after an operator changed one topic."""
    body = json.loads(request.body)
    wrapper = body["topicConfigSerializeWrapper"]
    wrapper["dataVersion"]["counter"] += 1
    wrapper["topicConfigTable"][table.topic(7)]["readQueueNums"] *= 2
    changed = json_bytes(body)
    return Request(
        request.code, registration_fields(table.identity(0), changed), changed
    )


def _alternate(twin: Any, requests: list[Request], benchmark: BenchmarkFixture) -> None:
    served = Served(twin)
    frames = [request.frame(OPAQUE) for request in requests]
    turn = 0

    def register() -> bytes:
        nonlocal turn
        turn += 1
        return served.receive(frames[turn % len(frames)])

    assert b'"code":0' in register()
    assert b'"code":0' in benchmark(register)

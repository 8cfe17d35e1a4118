"""A broker's registration, read and applied: repeated, with one topic changed, new."""

import json
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.driver.client import OPAQUE
from bench.driver.tables import Table
from bench.micro.served import Served
from namesrv.testing.peer import Request, json_bytes, registration_fields

SIZES = {"1,000 topics": 1000, "10,000 topics": 10_000}
_NEW_BROKERS = 21


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


@pytest.mark.parametrize("size", SIZES)
def test_new_broker(twin: Any, size: str, benchmark: BenchmarkFixture) -> None:
    """Its topics are known already, from another broker."""
    table = Table("new", SIZES[size], brokers=_NEW_BROKERS, copies=_NEW_BROKERS)
    _register_once(twin, table, benchmark)


@pytest.mark.parametrize("size", SIZES)
def test_new_topics(twin: Any, size: str, benchmark: BenchmarkFixture) -> None:
    """As the first broker of a cluster."""
    count = _NEW_BROKERS * SIZES[size]
    _register_once(twin, Table("new", count, brokers=_NEW_BROKERS, copies=1), benchmark)


def _register_once(twin: Any, table: Table, benchmark: BenchmarkFixture) -> None:
    """Register each broker of a table; the first one warms up."""
    served = Served(twin)
    frames = iter([table.registration(n).frame(OPAQUE) for n in range(table.brokers)])
    assert b'"code":0' in served.receive(next(frames))

    def register() -> bytes:
        return served.receive(next(frames))

    rounds = table.brokers - 1
    assert b'"code":0' in benchmark.pedantic(register, rounds=rounds)


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

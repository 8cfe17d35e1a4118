"""Reading a request header, in both encodings."""

from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.driver.remoting import GET_ROUTE, route_request
from bench.micro.served import TABLE, binary_head, json_head

HEADS = {
    "json": (0, json_head(route_request(TABLE.topic(1)))),
    "binary": (1, binary_head(TABLE.topic(1))),
}


@pytest.mark.parametrize("encoding", HEADS)
def test_read_head(twin: Any, encoding: str, benchmark: BenchmarkFixture) -> None:
    serialize_type, header = HEADS[encoding]
    head = benchmark(twin.read_head, serialize_type, header)
    assert head.code == GET_ROUTE and head.ext_fields == {"topic": TABLE.topic(1)}

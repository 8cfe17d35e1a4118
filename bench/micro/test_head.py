"""Reading a request header, in both encodings."""

from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.driver.client import OPAQUE
from bench.micro.served import TABLE
from namesrv.testing.peer import header_binary, header_json

GET_ROUTE = 105
FIELDS = {"topic": TABLE.topic(1)}
HEADS = {
    "json": (0, header_json(GET_ROUTE, FIELDS, opaque=OPAQUE)),
    "binary": (1, header_binary(GET_ROUTE, FIELDS, opaque=OPAQUE)),
}


@pytest.mark.parametrize("encoding", HEADS)
def test_read_head(twin: Any, encoding: str, benchmark: BenchmarkFixture) -> None:
    serialize_type, header = HEADS[encoding]
    head = benchmark(twin.read_head, serialize_type, header)
    assert head.code == GET_ROUTE and head.ext_fields == FIELDS

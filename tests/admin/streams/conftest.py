"""Readers of streams that are closed at the end of a test."""

from collections.abc import Callable, Iterator

import pytest

from namesrv.testing.peer import Address
from tests.admin.streams.reader import Reader

Read = Callable[..., Reader]


@pytest.fixture
def read() -> Iterator[Read]:
    """Begins streams: `read(address, query, *lines of the header)`."""
    readers: list[Reader] = []

    def begin(address: Address, query: str = "", *lines: str) -> Reader:
        readers.append(Reader(address, query, *lines))
        return readers[-1]

    yield begin
    for reader in readers:
        reader.close()

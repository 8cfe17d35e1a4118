"""Long answers go to the kernel in slices."""

import asyncio

import pytest

from namesrv.server.connections.slices import SLICE_BYTES
from namesrv.server.connections.streams import PlainStream


class Taken(asyncio.Transport):
    """Remembers calls; the connection breaks with one of them."""

    def __init__(self, most: int = 1000) -> None:
        self.calls: list[bytes | bytearray | memoryview] = []
        self._most = most

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append(data)

    def is_closing(self) -> bool:
        return len(self.calls) >= self._most


class Silent:
    """A conversation in which nothing is said."""

    buffered_bytes = progress_ms = 0

    def receive(self, data: bytes, now_ms: int) -> bytes:
        return b""

    def resume(self, now_ms: int, answer: bytes = b"") -> bytes:
        return b""


def write(transport: Taken, data: bytes) -> None:
    PlainStream(transport, Silent()).write(data)


@pytest.mark.parametrize(
    "length",
    [1, SLICE_BYTES - 1, SLICE_BYTES, SLICE_BYTES + 1, 3 * SLICE_BYTES, 2_000_001],
)
def test_slices_are_the_whole_in_its_order(length: int) -> None:
    data = bytes(number % 251 for number in range(length))
    transport = Taken()
    write(transport, data)
    assert b"".join(transport.calls) == data
    assert len(transport.calls) == -(-length // SLICE_BYTES)
    assert max(map(len, transport.calls)) <= SLICE_BYTES


def test_what_fits_is_sent_as_it_is() -> None:
    transport, data = Taken(), bytes(SLICE_BYTES)
    write(transport, data)
    (only,) = transport.calls
    assert only is data


def test_nothing_follows_a_slice_that_met_a_broken_connection() -> None:
    transport = Taken(most=2)
    write(transport, bytes(5 * SLICE_BYTES))
    assert len(transport.calls) == 2

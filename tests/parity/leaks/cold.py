"""What the processor answers, answers later, refuses, or breaks on."""

from typing import Any

from namesrv.errors import HeaderInvalid
from tests.parity.leaks.measure import FEWER, keep_nothing, some
from tests.parity.leaks.server import NOW_MS, Server

LATER = {2: b"answer"}


def cold_path(
    serialize_type: int, header: bytes, body: bytes | None, peer: Any, now_ms: int
) -> Any:
    code = header[8:9]
    if code == b"1":
        return header
    if code == b"2":
        return None
    if code == b"3":
        raise HeaderInvalid("it was not liked")
    if code == b"4":
        raise RuntimeError("a bug")
    if code == b"5":
        return "not bytes"
    return peer.receive(body, now_ms)


server = Server(cold_path)
peer = server.connection
hot = some(5, 105, {"topic": "known"})


def answered() -> None:
    peer.receive(answered_read, NOW_MS)


def later() -> None:
    peer.receive(later_read, NOW_MS)
    for _ in range(10):
        peer.resume(NOW_MS, b"answer")


def refused() -> None:
    """The connection is over; what was answered before goes out."""
    ended = server.connect()
    ended.receive(hot + refused_read + hot, NOW_MS)
    assert ended.fault is not None


def broken() -> None:
    for read in broken_reads:
        ended = server.connect()
        try:
            ended.receive(hot + read + hot, NOW_MS)
        except (RuntimeError, TypeError):
            continue
        raise AssertionError("a bug was swallowed")


def came_back() -> None:
    peer.receive(nested_read, NOW_MS)


answered_read = some(50, 1, {}, b"body")
later_read = some(10, 2, {})
refused_read = some(1, 3, {})
broken_reads = [some(1, 4, {}), some(1, 5, {})]
nested_read = some(10, 6, {}, hot)
keep_nothing("cold requests", answered, 50, server.watched())
keep_nothing("late answers", later, 10, server.watched())
keep_nothing("refused requests", refused, 6, server.watched(), FEWER)
keep_nothing("bugs in a handler", broken, 12, server.watched(), FEWER)
keep_nothing("handlers that come back", came_back, 60, server.watched())

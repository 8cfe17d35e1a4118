"""Which requests of HTTP are too old, in whatever order they are noted."""

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from namesrv.server.connections.request_deadlines import (
    REQUEST_MILLIS,
    RequestDeadlines,
)
from namesrv.server.connections.served import Served


class Waiting:
    """A peer, as far as deadlines see it."""

    def __init__(self, since_ms: int | None = None) -> None:
        self.request_since_ms = since_ms

    @property
    def served(self) -> Served:
        return cast(Served, self)


def late(deadlines: RequestDeadlines, now_ms: int) -> list[int]:
    return sorted(p.request_since_ms or 0 for p in deadlines.take_late(now_ms))


def test_requests_are_late_after_their_deadline() -> None:
    deadlines = RequestDeadlines()
    for since_ms in (1999, 1000, 1500):
        deadlines.note(Waiting(since_ms).served)
    assert late(deadlines, 1000 + REQUEST_MILLIS) == []
    assert late(deadlines, 1501 + REQUEST_MILLIS) == [1000, 1500]
    assert late(deadlines, 1501 + REQUEST_MILLIS) == []
    assert late(deadlines, 2000 + REQUEST_MILLIS) == [1999]


def test_request_that_came_as_a_whole_has_no_deadline() -> None:
    deadlines, peer = RequestDeadlines(), Waiting(5)
    deadlines.note(peer.served)
    peer.request_since_ms = None
    deadlines.note(peer.served)
    assert late(deadlines, 10**9) == []


def test_pauses_do_not_extend_the_deadline_of_an_old_request() -> None:
    deadlines, peer = RequestDeadlines(), Waiting(1000)
    deadlines.note(peer.served)
    for since_ms in range(2000, 9000, 500):
        deadlines.note(Waiting(since_ms).served)
        peer.request_since_ms = None
        deadlines.note(peer.served)
        peer.request_since_ms = 1000
        deadlines.note(peer.served)
    assert late(deadlines, 1001 + REQUEST_MILLIS) == [1000]


def test_nothing_is_kept_of_ended_connections() -> None:
    deadlines = RequestDeadlines()
    peers = [Waiting(since_ms) for since_ms in range(0, 20_000, 7)]
    for peer in peers:
        deadlines.note(peer.served)
    for peer in peers:
        deadlines.release(peer.served)
        deadlines.release(peer.served)
    assert not deadlines._since_ms and not deadlines._buckets


@given(
    st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 30_000))),
    st.integers(0, 50_000),
)
def test_late_requests_are_those_that_are_old(
    changes: list[tuple[int, int | None]], now_ms: int
) -> None:
    deadlines = RequestDeadlines()
    peers = [Waiting() for _ in range(10)]
    for number, since_ms in changes:
        peers[number].request_since_ms = since_ms
        deadlines.note(peers[number].served)
    expected = sorted(
        peer.request_since_ms
        for peer in peers
        if peer.request_since_ms is not None
        and now_ms - peer.request_since_ms > REQUEST_MILLIS
    )
    assert late(deadlines, now_ms) == expected

"""FrameDecoder over both twins, and over a model that only cuts bytes."""

import itertools
import random
import sys
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from namesrv.errors import ConnectionFault
from namesrv.testing.peer import frame
from tests.parity.naive import NaiveDecoder
from tests.parity.streams import (
    LIMITS,
    cuts,
    edge_frames,
    good_frames,
    pieces,
    streams,
    word,
)
from tests.parity.twins import FAST, both, outcome, same

KEPT_BYTES = LONG_BYTES = 1 << 16
RESTS = [b"", b"\0\0", word(4)[:3], word(100) + b"begun"]


def all_frames(decoder: Any) -> list[Any]:
    """Outcomes until there is no more frame."""
    found = []
    while True:
        one = outcome(decoder.next_frame)
        found.append(one)
        if one[0] == "err" or one[1][1] is None:
            return found


@settings(max_examples=3 * settings().max_examples)
@given(streams, cuts, LIMITS)
def test_every_stream_cut_anywhere_under_any_limit(
    data: bytes, places: list[int], limit: int
) -> None:
    decoders = both("FrameDecoder", limit)
    for piece in pieces(data, places):
        same(decoders, "feed", piece)
        same(decoders, all_frames)
        same(decoders, lambda decoder: decoder.buffered_bytes)


class Decoders(RuleBasedStateMachine):
    """Feeds, takes and puts back in any order. Puts back only what just came, as
    `Connection` does; what else put_back does is compared below."""

    LIMITS = LIMITS

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        limit = data.draw(self.LIMITS)
        self.twins = both("FrameDecoder", limit)
        self.model = NaiveDecoder(limit)

    @rule(piece=st.one_of(good_frames, edge_frames(), st.binary(max_size=5)))
    def feed(self, piece: bytes) -> None:
        same(self.twins, "feed", piece)
        self.model.feed(piece)

    @rule(whole=good_frames, at=st.integers(0, 70))
    def feed_in_two(self, whole: bytes, at: int) -> None:
        self.feed(whole[:at])
        self.feed(whole[at:])

    @rule()
    def release(self) -> None:
        """A frame that was put back stays, too."""
        same(self.twins, "release")

    @rule(count=st.integers(1, 3))
    def take(self, count: int) -> None:
        for _ in range(count):
            taken = same(self.twins, tuple_or_none)
            assert taken == outcome(self.model.next_frame)

    @rule()
    def take_and_put_back(self) -> None:
        try:
            self.model.next_frame()
        except ConnectionFault:
            return
        if self.model.last is not None:
            same(self.twins, tuple_or_none)
            same(self.twins, "put_back")
            self.model.put_back()

    @invariant()
    def as_much_is_kept(self) -> None:
        if hasattr(self, "model"):
            kept = same(self.twins, lambda decoder: decoder.buffered_bytes)
            assert kept == outcome(lambda: len(self.model.data))


def tuple_or_none(decoder: Any) -> Any:
    found = decoder.next_frame()
    return None if found is None else tuple(found)


def test_any_order_of_calls() -> None:
    run_state_machine_as_test(
        Decoders,
        settings=settings(
            max_examples=settings().max_examples // 2, stateful_step_count=25
        ),
    )


class LargeBodies(Decoders):
    """Bodies that the compiled twin keeps in pieces, between frames that it does not.
    Pieces are short and long, and the last one may hold the frames behind."""

    LIMITS = st.just(1 << 20)

    @rule(
        size=st.one_of(
            st.integers(KEPT_BYTES - 2, KEPT_BYTES + 2),
            st.sampled_from([33_000, 50_000, 200_000]),
        ),
        header=st.sampled_from([b"", b"abc", b"h" * 5000]),
        serialize_type=st.sampled_from([0, 1, 1, 2]),
        lengths=st.lists(
            st.sampled_from([1, 3, 4095, 30_000, LONG_BYTES - 1, LONG_BYTES]),
            max_size=9,
        ),
        behind=st.lists(good_frames, max_size=2).map(b"".join),
        is_taken=st.booleans(),
    )
    def feed_large(
        self,
        size: int,
        header: bytes,
        serialize_type: int,
        lengths: list[int],
        behind: bytes,
        is_taken: bool,
    ) -> None:
        data = frame(header, random.Random(size).randbytes(size), serialize_type)
        for piece in pieces(data + behind, list(itertools.accumulate(lengths))):
            self.feed(piece)
            self.as_much_is_kept()
            if is_taken:
                self.take(1)


def test_any_order_of_calls_between_large_bodies() -> None:
    run_state_machine_as_test(
        LargeBodies,
        settings=settings(max_examples=settings().max_examples, stateful_step_count=12),
    )


@pytest.mark.parametrize("serialize_type", [0, 1])
@pytest.mark.parametrize("before", [b"", frame(b"small")], ids=["first", "second"])
def test_long_pieces_of_a_large_body_are_kept_without_a_copy(
    before: bytes, serialize_type: int
) -> None:
    """References are counted: one for each piece that is kept, none after the join."""
    decoder = FAST.FrameDecoder(1 << 25)
    body = random.Random(1).randbytes(LONG_BYTES * 5)
    data = frame(b"header", body, serialize_type)
    decoder.feed(before + data[:LONG_BYTES])
    assert (decoder.next_frame() is None) == (before == b"")
    places = range(LONG_BYTES, len(data), LONG_BYTES)
    long_ones = [data[at : at + LONG_BYTES] for at in places]
    alone = references(long_ones)
    list(map(decoder.feed, long_ones[:-1]))
    kept = references(long_ones)
    assert kept == [*(count + 1 for count in alone[:-1]), alone[-1]]
    decoder.feed(long_ones[-1])
    joined = references(long_ones)
    assert joined == alone
    is_whole = decoder.next_frame().body == body
    assert is_whole


def references(pieces: list[bytes]) -> list[int]:
    return list(map(sys.getrefcount, pieces))


def test_short_pieces_of_a_large_body_are_kept_together() -> None:
    """Each may have memory pages of its own, and would take twice its size."""
    decoder = FAST.FrameDecoder(1 << 25)
    data = frame(b"header", bytes(1_000_000))
    decoder.feed(data[:50_000])
    decoder.feed(data[50_000:200_000])
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for length in (LONG_BYTES - 1, 100, 4096, 1, 30_000):
            short_one = [data[:length]]
            alone = references(short_one)
            list(map(decoder.feed, short_one))
            kept = references(short_one)
            assert kept == alone
        del short_one
        after, _ = tracemalloc.get_traced_memory()
        assert 99_000 < after - before < 1.2 * 99_732
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("length", [LONG_BYTES - 1, LONG_BYTES])
def test_body_is_kept_in_pieces_from_64_kib_on(length: int) -> None:
    decoder = FAST.FrameDecoder(1 << 25)
    decoder.feed(frame(b"", bytes(length))[:8])
    decoder.feed(bytes(length) + frame(b"behind"))
    first = decoder.next_frame().body
    decoder.put_back()
    is_the_same = decoder.next_frame().body is first
    assert is_the_same == (length == LONG_BYTES)


@given(
    st.lists(
        st.one_of(good_frames, edge_frames(), st.just(None), st.just("put back")),
        max_size=12,
    )
)
def test_putting_back_at_any_moment(steps: list[Any]) -> None:
    decoders = both("FrameDecoder", 64)
    for step in steps:
        if step is None:
            same(decoders, "next_frame")
        elif step == "put back":
            same(decoders, "put_back")
        else:
            same(decoders, "feed", step)
        same(decoders, lambda decoder: decoder.buffered_bytes)


@pytest.mark.parametrize("more", [-1, 0, 1])
@pytest.mark.parametrize("rest", RESTS)
def test_what_was_sent_is_let_go_at_the_same_size(more: int, rest: bytes) -> None:
    sent = frame(b"h" * (KEPT_BYTES - 8 + more))
    assert len(sent) == KEPT_BYTES + more
    decoders = both("FrameDecoder", 1 << 20)
    same(decoders, "feed", sent + rest)
    for act in ("next_frame", "next_frame", "put_back", "next_frame", "next_frame"):
        same(decoders, act)
        same(decoders, lambda decoder: decoder.buffered_bytes)
    same(decoders, "feed", bytes(100))
    same(decoders, all_frames)


@pytest.mark.parametrize("rest", RESTS)
def test_large_body_that_came_in_pieces_is_let_go(rest: bytes) -> None:
    sent = frame(b"header", bytes(2 * LONG_BYTES))
    decoders = both("FrameDecoder", 1 << 20)
    for piece in (sent[:100], sent[100:-1], sent[-1:] + rest):
        same(decoders, "feed", piece)
        same(decoders, lambda decoder: decoder.buffered_bytes)
    for act in ("next_frame", "next_frame", "put_back", "next_frame", "next_frame"):
        same(decoders, act)
        same(decoders, lambda decoder: decoder.buffered_bytes)
    same(decoders, "feed", bytes(100))
    same(decoders, all_frames)


@settings(max_examples=settings().max_examples // 4)
@given(
    st.lists(st.sampled_from([0, 1, 100, 4000, 65_000, 66_000]), max_size=6),
    st.lists(st.integers(0, 200_000), max_size=6),
)
def test_long_frames_in_long_pieces(sizes: list[int], places: list[int]) -> None:
    body = bytes(range(250)) * 300
    data = b"".join(frame(b"%d" % size, body[:size]) for size in sizes)
    decoders = both("FrameDecoder", 1 << 25)
    for piece in pieces(data[:300_000], places):
        same(decoders, "feed", piece)
        same(decoders, "next_frame")
        same(decoders, lambda decoder: decoder.buffered_bytes)
    same(decoders, all_frames)


@pytest.mark.parametrize("limit", [0, 4, 7, 8, 9, 12, 13, 2**32 + 3, 2**32 + 4])
def test_every_small_frame(limit: int) -> None:
    """All lengths around the edges, whole, too short by a byte, and with one more."""
    lengths = [*range(11), 2**24 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1]
    header_lengths = [*range(8), 2**8, 2**16, 2**23, 2**24 - 1]
    for length in lengths:
        for header_length in header_lengths:
            for serialize_type in (0, 1, 2, 255):
                mark = serialize_type << 24 | header_length
                data = word(length) + word(mark) + b"abcdef"
                for end in {*range(9), length + 3, length + 4, len(data)}:
                    decoders = both("FrameDecoder", limit)
                    same(decoders, "feed", data[:end])
                    same(decoders, "next_frame")
                    same(decoders, lambda decoder: decoder.buffered_bytes)

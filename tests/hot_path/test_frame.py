"""Bytes in, frames out, however the bytes are cut."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.errors import (
    ConnectionFault,
    FrameTooLong,
    FrameTooShort,
    HeaderOverLimit,
    HeaderTooLong,
    SerializeTypeUnknown,
)
from namesrv.hot_path import DEFAULT_FRAME_MAX_BYTES
from namesrv.testing.peer import frame

LIMIT = 64


def word(number: int) -> bytes:
    return (number & 0xFFFFFFFF).to_bytes(4)


def drain(decoder: Any) -> tuple[list[tuple[int, bytes, bytes | None]], Any]:
    """Frames until there are no more, and what was raised."""
    frames = []
    try:
        while (one := decoder.next_frame()) is not None:
            frames.append(tuple(one))
    except ConnectionFault as fault:
        return frames, (type(fault), fault.args)
    return frames, None


def split_naively(data: bytes, limit: int) -> tuple[list[Any], Any, int]:
    """The same by the words of section 1.1: frames, fault and bytes left over."""
    frames: list[Any] = []
    while len(data) >= 4:
        length = int.from_bytes(data[:4])
        fault: ConnectionFault | None = None
        if length + 4 > limit:
            fault = FrameTooLong(length, limit)
        elif length < 4:
            fault = FrameTooShort(length)
        elif len(data) - 4 < length:
            break
        else:
            header_length = int.from_bytes(data[5:8])
            if header_length > length - 4:
                fault = HeaderTooLong(header_length, length)
            elif data[4] not in (0, 1):
                fault = SerializeTypeUnknown(data[4])
        if fault is not None:
            return frames, (type(fault), fault.args), len(data)
        header, body = data[8 : 8 + header_length], data[8 + header_length : 4 + length]
        frames.append((data[4], header, body or None))
        data = data[4 + length :]
    return frames, None, len(data)


good_frames = st.builds(
    frame, st.binary(max_size=30), st.binary(max_size=20), st.integers(0, 1)
)
lengths = st.sampled_from([-1, 0, 3, 4, LIMIT - 4, LIMIT - 3, 2**31 - 1, 2**31])
bad_frames = st.one_of(
    st.builds(lambda length, rest: word(length) + rest, lengths, st.binary(max_size=9)),
    st.builds(lambda mark: word(8) + word(mark) + b"1234", st.integers(0, 2**32 - 1)),
    st.builds(frame, st.binary(max_size=5), st.just(b""), st.integers(2, 255)),
    st.binary(max_size=12),
)
streams = st.lists(st.one_of(good_frames, good_frames, bad_frames), max_size=6)


@given(streams, st.lists(st.integers(0, 200), max_size=8), st.integers(8, 2 * LIMIT))
def test_any_stream_cut_anywhere_reads_like_the_naive_split(
    hot: Any, stream: list[bytes], cuts: list[int], limit: int
) -> None:
    data = b"".join(stream)
    decoder = hot.FrameDecoder(limit)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    frames: list[Any] = []
    for start, end in itertools.pairwise(edges):
        decoder.feed(data[start:end])
        found, fault = drain(decoder)
        frames += found
        assert (frames, fault, decoder.buffered_bytes) == split_naively(
            data[:end], limit
        )
        if fault is not None:
            return


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_pieces_of_any_size_give_the_same_frames(hot: Any, size: int) -> None:
    data = frame(b"{}", b"body") + frame(b"", b"", 1) + frame(b'{"code":105}')
    decoder = hot.FrameDecoder(LIMIT)
    frames: list[Any] = []
    for at in range(0, len(data), size):
        decoder.feed(data[at : at + size])
        frames += drain(decoder)[0]
    assert frames == [(0, b"{}", b"body"), (1, b"", None), (0, b'{"code":105}', None)]
    assert decoder.buffered_bytes == 0


def test_a_frame_is_named(hot: Any) -> None:
    decoder = hot.FrameDecoder(LIMIT)
    decoder.feed(frame(b"h", b"b", 1))
    one = decoder.next_frame()
    assert (one.serialize_type, one.header, one.body) == (1, b"h", b"b")


def test_no_body_is_none_and_no_header_is_empty(hot: Any) -> None:
    decoder = hot.FrameDecoder(LIMIT)
    decoder.feed(word(4) + word(0))
    assert tuple(decoder.next_frame()) == (0, b"", None)


def test_decoder_without_input_has_no_frame(hot: Any) -> None:
    decoder = hot.FrameDecoder(LIMIT)
    assert decoder.next_frame() is None
    decoder.feed(b"")
    assert decoder.next_frame() is None
    assert decoder.buffered_bytes == 0


def test_the_limit_counts_the_length_bytes(hot: Any) -> None:
    longest = frame(b"h" * (LIMIT - 8))
    assert len(longest) == LIMIT
    decoder = hot.FrameDecoder(LIMIT)
    decoder.feed(longest)
    assert decoder.next_frame().header == b"h" * (LIMIT - 8)
    decoder.feed(frame(b"h" * (LIMIT - 7)))
    with pytest.raises(FrameTooLong):
        decoder.next_frame()


@pytest.mark.parametrize("length", [LIMIT - 3, 2**31 - 1, 2**31, -1])
def test_a_length_over_the_limit_is_refused_before_the_payload(
    hot: Any, length: int
) -> None:
    decoder = hot.FrameDecoder(LIMIT)
    decoder.feed(word(length)[:3])
    assert decoder.next_frame() is None
    decoder.feed(word(length)[3:])
    with pytest.raises(FrameTooLong, match=f"{(length & 0xFFFFFFFF) + 4} bytes"):
        decoder.next_frame()


@pytest.mark.parametrize("length", [0, 1, 3])
def test_a_length_without_room_for_a_header_is_refused_at_once(
    hot: Any, length: int
) -> None:
    decoder = hot.FrameDecoder(LIMIT)
    decoder.feed(word(length))
    with pytest.raises(FrameTooShort, match=f"of {length + 4} bytes"):
        decoder.next_frame()


def test_the_header_must_fit_into_the_frame(hot: Any) -> None:
    decoder = hot.FrameDecoder(LIMIT)
    decoder.feed(word(6) + word(3) + b"a")
    assert decoder.next_frame() is None
    decoder.feed(b"b")
    with pytest.raises(HeaderTooLong, match="3 bytes .* 2 bytes"):
        decoder.next_frame()


@pytest.mark.parametrize("serialize_type", [2, 127, 128, 255])
def test_other_encodings_are_refused(hot: Any, serialize_type: int) -> None:
    decoder = hot.FrameDecoder(LIMIT)
    decoder.feed(frame(b"{}", b"", serialize_type))
    with pytest.raises(SerializeTypeUnknown, match=f"type {serialize_type} "):
        decoder.next_frame()


def test_good_frames_before_a_bad_one_come_out(hot: Any) -> None:
    decoder = hot.FrameDecoder(LIMIT)
    decoder.feed(frame(b"1") + frame(b"2") + word(0) + frame(b"3"))
    frames, fault = drain(decoder)
    assert [header for _, header, _ in frames] == [b"1", b"2"]
    assert fault == (FrameTooShort, FrameTooShort(0).args)
    assert drain(decoder) == ([], fault)


def test_announced_length_allocates_no_memory(hot: Any) -> None:
    decoder = hot.FrameDecoder(DEFAULT_FRAME_MAX_BYTES)
    decoder.feed(word(DEFAULT_FRAME_MAX_BYTES - 4) + word(20) + b"half")
    assert decoder.next_frame() is None
    assert decoder.buffered_bytes == 12


@pytest.mark.parametrize("mark", [0, 1, 9])
def test_a_header_over_its_limit_is_refused_before_it_came(hot: Any, mark: int) -> None:
    decoder = hot.FrameDecoder(DEFAULT_FRAME_MAX_BYTES, 100)
    start = word(1 << 20) + word(mark << 24 | 101)
    decoder.feed(frame(b"1") + start[:7])
    assert decoder.next_frame().header == b"1"
    assert decoder.next_frame() is None
    decoder.feed(start[7:])
    for _ in range(2):
        with pytest.raises(HeaderOverLimit) as caught:
            decoder.next_frame()
        assert caught.value.args == HeaderOverLimit(101, 100).args
    assert "101 bytes" in str(caught.value) and "kvMaxValueBytes" in str(caught.value)


def test_a_header_at_its_limit_passes_whatever_the_body(hot: Any) -> None:
    decoder = hot.FrameDecoder(DEFAULT_FRAME_MAX_BYTES, 100)
    decoder.feed(frame(bytes(100), bytes(1000)))
    assert decoder.next_frame().header == bytes(100)


def test_a_frame_that_was_put_back_comes_again(hot: Any) -> None:
    decoder = hot.FrameDecoder(LIMIT)
    decoder.feed(frame(b"1") + frame(b"2", b"body") + frame(b"3"))
    assert decoder.next_frame().header == b"1"
    kept = decoder.buffered_bytes
    second = decoder.next_frame()
    decoder.put_back()
    assert decoder.buffered_bytes == kept
    decoder.feed(frame(b"4"))
    assert decoder.next_frame() == second
    assert [header for _, header, _ in drain(decoder)[0]] == [b"3", b"4"]


def test_the_longest_frame_of_the_protocol_comes_through(hot: Any) -> None:
    body = bytes(DEFAULT_FRAME_MAX_BYTES - 10)
    decoder = hot.FrameDecoder(DEFAULT_FRAME_MAX_BYTES)
    data = frame(b"{}", body)
    decoder.feed(data[:-1])
    assert decoder.next_frame() is None
    decoder.feed(data[-1:])
    assert decoder.next_frame().body == body
    assert decoder.buffered_bytes == 0

"""Bytes as peers send them, good and bad, and where a read may cut them."""

import itertools
from collections.abc import Iterator

from hypothesis import strategies as st

from namesrv.testing.peer import frame

LIMITS = st.one_of(
    st.integers(0, 12), st.integers(16, 90), st.sampled_from([2**31, 2**32, 2**62])
)


def word(number: int) -> bytes:
    return (number & 0xFFFFFFFF).to_bytes(4)


good_frames = st.builds(
    frame, st.binary(max_size=30), st.binary(max_size=30), st.integers(0, 1)
)


@st.composite
def edge_frames(draw: st.DrawFn) -> bytes:
    """A frame one of whose three numbers is at, over or far over what is allowed."""
    header, body = draw(st.binary(max_size=6)), draw(st.binary(max_size=6))
    length = 4 + len(header) + len(body)
    header_length = len(header)
    serialize_type = draw(st.sampled_from([0, 0, 1, 1, 2, 127, 128, 255]))
    change = st.sampled_from([0, 0, -1, 1, -2, 5, 2**23, 2**31, -length, 3 - length])
    length += draw(change)
    header_length += draw(change)
    mark = serialize_type << 24 | header_length & 0xFFFFFF
    return word(length) + word(mark) + header + body


streams = st.lists(
    st.one_of(good_frames, good_frames, edge_frames(), st.binary(max_size=9)),
    max_size=6,
).map(b"".join)
cuts = st.lists(st.integers(0, 240), max_size=8)


def pieces(data: bytes, places: list[int]) -> Iterator[bytes]:
    """`data` cut at the places that it has; a place that comes twice is an empty
    piece."""
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    for start, end in itertools.pairwise(edges):
        yield data[start:end]

"""PNG pictures of pages with a palette, which makes them a third as large."""

import struct
import zlib
from collections import Counter
from itertools import pairwise

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_COLOURS = 160


def with_palette(png: bytes) -> bytes:
    """An RGB picture of Chromium with its most frequent colours; each other one
    becomes the nearest of them."""
    width, height, channels, packed = _parts(png)
    lines = _unfiltered(zlib.decompress(packed), width * channels, channels)
    pixels = [
        [bytes(line[at : at + 3]) for at in range(0, len(line), channels)]
        for line in lines
    ]
    counts: Counter[bytes] = Counter()
    for line in pixels:
        counts.update(line)
    palette = [colour for colour, _ in counts.most_common(_MOST_COLOURS)]
    places = {colour: _nearest(palette, colour) for colour in counts}
    rows = b"".join(b"\0" + bytes(places[colour] for colour in line) for line in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", head),
        (b"PLTE", b"".join(palette)),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    return _SIGNATURE + b"".join(map(_chunk, *zip(*chunks, strict=True)))


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def _parts(png: bytes) -> tuple[int, int, int, bytes]:
    """Width, height, bytes of a pixel, and the compressed lines."""
    at, packed, size = len(_SIGNATURE), b"", (0, 0, 0)
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        content = png[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", content[:10])
            assert depth == 8 and colour in (2, 6), "no RGB picture"
            size = width, height, 3 if colour == 2 else 4
        elif kind == b"IDAT":
            packed += content
        at += length + 12
    return *size, packed


def _unfiltered(data: bytes, length: int, step: int) -> list[bytearray]:
    """The lines without the filters of PNG, section 9 of its specification."""
    before = bytearray(length)
    lines: list[bytearray] = []
    starts = range(0, len(data) + 1, length + 1)
    for start, end in pairwise(starts):
        kind, line = data[start], bytearray(data[start + 1 : end])
        for at in range(length):
            left = line[at - step] if at >= step else 0
            up = before[at]
            corner = before[at - step] if at >= step else 0
            line[at] = (line[at] + _guess(kind, left, up, corner)) & 255
        lines.append(line)
        before = line
    return lines


def _guess(kind: int, left: int, up: int, corner: int) -> int:
    if kind < 3:
        return (0, left, up)[kind]
    if kind == 3:
        return (left + up) // 2
    whole = left + up - corner
    return min((left, up, corner), key=lambda value: abs(whole - value))


def _nearest(palette: list[bytes], colour: bytes) -> int:
    def distance(place: int) -> int:
        return sum((a - b) ** 2 for a, b in zip(palette[place], colour, strict=True))

    return min(range(len(palette)), key=distance)

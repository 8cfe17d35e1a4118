"""Frame files for the load generators; bench/load/frames.h says what is in them."""

import struct
from collections.abc import Iterable
from pathlib import Path

from bench.driver.client import opaque_offset

_MAGIC = b"NSFRAME1"
_COUNT = struct.Struct("<I")
_SIZES = struct.Struct("<IIII")


def write_frames(path: Path, pairs: Iterable[tuple[bytes, bytes]]) -> None:
    """Write (request, expected answer) pairs; an empty answer is none at all."""
    parts = []
    for request, answer in pairs:
        answer_at = opaque_offset(answer) if answer else 0
        sizes = len(request), opaque_offset(request), len(answer), answer_at
        parts += [_SIZES.pack(*sizes), request, answer]
    count = len(parts) // 3
    path.write_bytes(b"".join([_MAGIC, _COUNT.pack(count), *parts]))


def first_pair(path: Path) -> tuple[bytes, bytes]:
    """The first request and its answer."""
    data = path.read_bytes()
    start = len(_MAGIC) + _COUNT.size
    request_bytes, _, answer_bytes, _ = _SIZES.unpack_from(data, start)
    request_start = start + _SIZES.size
    answer_start = request_start + request_bytes
    return (
        data[request_start:answer_start],
        data[answer_start : answer_start + answer_bytes],
    )

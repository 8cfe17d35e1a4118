"""Frames (section 1.1 of docs/protocol.md)."""

import struct
from collections.abc import Iterator


def frame(header: bytes, body: bytes = b"", serialize_type: int = 0) -> bytes:
    """A frame of any header and body."""
    mark = serialize_type << 24 | len(header)
    return struct.pack(">II", 4 + len(header) + len(body), mark) + header + body


def frame_parts(data: bytes) -> tuple[int, bytes, bytes]:
    """Serialize type, header and body of one whole frame."""
    header_end = 8 + int.from_bytes(data[5:8])
    return data[4], data[8:header_end], data[header_end:]


def take_frame(received: bytearray) -> bytes | None:
    """Remove the first frame from `received` and return it; None if it is not whole."""
    end = 4 + int.from_bytes(received[:4])
    if len(received) < max(4, end):
        return None
    data = bytes(received[:end])
    del received[:end]
    return data


def split_frames(data: bytes) -> Iterator[bytes]:
    """Each frame of `data`. Raises ValueError if the last one is cut off."""
    position = 0
    while position < len(data):
        end = position + 4 + int.from_bytes(data[position : position + 4])
        if end > len(data):
            raise ValueError(f"the frame at byte {position} is cut off")
        yield data[position:end]
        position = end

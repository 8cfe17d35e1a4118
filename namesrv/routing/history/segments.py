"""The files of the recorder, as bytes.

A segment is a first line with its version, then frames: four bytes with a length, four
with the CRC-32 of that many bytes, and those: one map in MessagePack. A map is

* an event, as `record` has it,
* `{"run", "at_millis"}`: from here on the maps are those of this run of a server,
* `{"lost", "at_millis"}`: so many frames before this one could not be written,
* a part of a picture of all routes (`picture`).
"""

import re
import zlib
from collections.abc import Iterator
from struct import Struct
from typing import Any, Final, TypeAlias

from namesrv.errors import RecordingInvalid
from namesrv.routing.history.record import decoded, packed

Map: TypeAlias = dict[str, Any]

VERSION: Final = 1
FIRST_LINE: Final = b"namesrv history %d\n" % VERSION
_FIRST_LINE: Final = re.compile(rb"namesrv history ([0-9]{1,9})\n")
_LONGEST_LINE: Final = 32
_HEAD: Final = Struct(">II")
LONGEST_FRAME: Final = 64 << 20
_NAME: Final = re.compile(r"events-([0-9]{10,})\.history")


def segment_name(number: int) -> str:
    """The name of a segment; names of ten digits are in the order of their numbers."""
    return f"events-{number:010d}.history"


def segment_number(name: str) -> int | None:
    """The number of a segment, None for another name of a file."""
    found = _NAME.fullmatch(name)
    number = int(found[1]) if found else 0
    return number if found and segment_name(number) == name else None


def framed(content: bytes) -> bytes:
    """A map in MessagePack as a frame."""
    return _HEAD.pack(len(content), zlib.crc32(content)) + content


def frame_of(value: Map) -> bytes:
    """A map as a frame."""
    return framed(packed(value))


def run_frame(run: str, at_millis: int) -> bytes:
    """The first frame of a run."""
    return frame_of({"run": run, "at_millis": at_millis})


def check_first_line(data: bytes) -> int:
    """The length of the first line. Raises RecordingInvalid for another version."""
    found = _FIRST_LINE.match(data[:_LONGEST_LINE])
    if found is None:
        raise RecordingInvalid("it is no file of a recorder")
    if int(found[1]) > VERSION:
        raise RecordingInvalid(
            f"it has version {int(found[1])}, of a newer namesrv; this one reads"
            f" version {VERSION}"
        )
    return found.end()


def contents(data: bytes) -> Iterator[bytes]:
    """The maps of a segment, packed.

    Raises RecordingInvalid at the first frame that is damaged or cut off.
    """
    at, end = check_first_line(data), len(data)
    while at < end:
        content = _content_at(data, at)
        if content is None:
            raise RecordingInvalid(
                f"it is damaged or cut off after {at} bytes; the other"
                f" {end - at} are skipped"
            )
        yield content
        at += _HEAD.size + len(content)


def maps(data: bytes) -> Iterator[Map]:
    """The maps of a segment. Raises as `contents`."""
    for content in contents(data):
        yield decoded(content)


def _content_at(data: bytes, at: int) -> bytes | None:
    """The content of the frame there, None if it is not whole."""
    begin = at + _HEAD.size
    if begin > len(data):
        return None
    length, crc = _HEAD.unpack_from(data, at)
    content = data[begin : begin + length]
    if length > LONGEST_FRAME or len(content) < length or zlib.crc32(content) != crc:
        return None
    return content

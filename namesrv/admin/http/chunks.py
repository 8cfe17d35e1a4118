"""A body in chunks, read strictly as it comes (RFC 9112, 7.1)."""

import re
from typing import Final

from namesrv.admin.http.head import body_too_long, malformed
from namesrv.admin.http.limits import LONGEST_BODY_BYTES
from namesrv.admin.http.messages import HttpAnswer

CHUNKS_AT_ONCE: Final = 256
_LONGEST_LINE_BYTES: Final = 256
"""A line of a size with its extension, or of a trailer."""
_MOST_TRAILERS: Final = 16
_SIZE_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t -~\x80-\xff]*)?")
_TRAILER: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~\x80-\xff]*")


class ChunkedBody:
    """`body` has the data so far; `is_complete` is set at its end."""

    __slots__ = ("_is_data_over", "_left", "_trailers", "body", "is_complete")

    def __init__(self) -> None:
        self.body = bytearray()
        self.is_complete = False
        self._left: int | None = None
        self._is_data_over = False
        self._trailers = 0

    def take(self, buffer: bytearray) -> int | HttpAnswer:
        """Take chunks from the beginning of `buffer`, some at once; returns how many
        parts it took, 0 if it needs more input, or the error."""
        for count in range(CHUNKS_AT_ONCE):
            if self.is_complete:
                return count
            found = self._take_part(buffer)
            if found is not True:
                return count if found is False else found
        return CHUNKS_AT_ONCE

    def _take_part(self, buffer: bytearray) -> bool | HttpAnswer:
        """A size, some data, or a line of the trailer; False for more input."""
        if self._left:
            return self._take_data(buffer)
        line = _line(buffer)
        if line is None or isinstance(line, HttpAnswer):
            return False if line is None else line
        if self._is_data_over:
            return self._take_trailer(line)
        if self._left == 0:
            self._left = None
            return True if not line else malformed("a chunk is longer than its size")
        return self._take_size(line)

    def _take_size(self, line: bytes) -> bool | HttpAnswer:
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            return malformed("the size of a chunk cannot be read")
        size = int(match[1], 16)
        if len(self.body) + size > LONGEST_BODY_BYTES:
            return body_too_long()
        self._left = size or None
        self._is_data_over = not size
        return True

    def _take_data(self, buffer: bytearray) -> bool:
        if not buffer or self._left is None:
            return False
        size = min(self._left, len(buffer))
        self.body += buffer[:size]
        del buffer[:size]
        self._left -= size
        return True

    def _take_trailer(self, line: bytes) -> bool | HttpAnswer:
        """Trailers are read and dropped."""
        if not line:
            self.is_complete = True
            return True
        self._trailers += 1
        if self._trailers > _MOST_TRAILERS or not _TRAILER.fullmatch(line):
            return malformed("the trailer cannot be read")
        return True


def _line(buffer: bytearray) -> bytes | HttpAnswer | None:
    """The next line without its end, taken from the buffer; None if it is not whole."""
    end = buffer.find(b"\n", 0, _LONGEST_LINE_BYTES)
    if end < 0:
        if len(buffer) >= _LONGEST_LINE_BYTES:
            return malformed("a line of its body is too long")
        return None
    line = bytes(buffer[:end])
    del buffer[: end + 1]
    if line[-1:] != b"\r":
        return malformed("a line of its body does not end with CR LF")
    return line[:-1]

"""Finds the end of a head, however it is cut, and its first mistake before that."""

import re
from typing import Final

from namesrv.admin.http.head import malformed
from namesrv.admin.http.limits import LONGEST_HEAD_BYTES
from namesrv.admin.http.messages import HttpAnswer
from namesrv.admin.http.problems import problem

_END: Final = b"\r\n\r\n"
_EMPTY_LINES: Final = re.compile(rb"(?:\r\n)+")
_END_OR_MISTAKE: Final = re.compile(rb"\r\n\r\n|(?<!\r)\n|\r[^\n]|\x00")
_KEPT_BYTES: Final = 3
"""Bytes of an end that may have come without the rest."""


class HeadEnd:
    """The search in one stream; it begins anew after each end that it finds."""

    __slots__ = ("_searched",)

    def __init__(self) -> None:
        self._searched = 0

    def find(self, buffer: bytearray) -> int | HttpAnswer | None:
        """The end of the head at the beginning of `buffer`; None if more input is
        needed; or the error. Empty lines before a head are removed."""
        if not buffer:
            return None
        if not self._searched and buffer.startswith(b"\r\n"):
            _drop_empty_lines(buffer)
        end = buffer.find(_END) + len(_END)
        if len(_END) <= end <= LONGEST_HEAD_BYTES and _has_good_lines(buffer, end):
            self._searched = 0
            return end
        return self._mistake(buffer)

    def _mistake(self, buffer: bytearray) -> HttpAnswer | None:
        """The first mistake in a head, None if its end has not come."""
        match = _END_OR_MISTAKE.search(buffer, self._searched)
        end = len(buffer) if match is None else match.end()
        if end > LONGEST_HEAD_BYTES:
            limit = LONGEST_HEAD_BYTES
            return problem(431, f"the request line and header exceed {limit} bytes")
        if match is None:
            self._searched = max(0, end - _KEPT_BYTES)
            return None
        return malformed("a line does not end with CR LF, or has a NUL byte")


def _drop_empty_lines(buffer: bytearray) -> None:
    """RFC 9112, 2.2: empty lines before a request are ignored."""
    found = _EMPTY_LINES.match(bytes(buffer))
    if found is not None:
        del buffer[: found.end()]


def _has_good_lines(data: bytearray, end: int) -> bool:
    """Whether all lines end with CR LF, and none has a NUL byte."""
    lines = data.count(b"\r\n", 0, end)
    return (
        data.count(b"\n", 0, end) == data.count(b"\r", 0, end) == lines
        and data.find(b"\0", 0, end) < 0
    )

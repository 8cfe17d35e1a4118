"""Answers to bytes, and their compression."""

import zlib
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from namesrv.admin.http.head import Head
from namesrv.admin.http.limits import GZIP_BYTES
from namesrv.admin.http.messages import NO_CONTENT, HttpAnswer, HttpRequest
from namesrv.work import Cost, Steps, kilobytes

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_STATUS_LINES: Final = {
    int(status): f"HTTP/1.1 {status:d} {status.phrase}\r\n".encode()
    for status in HTTPStatus
}
_BODILESS: Final = (204, 304)
_SECURITY: Final = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
)
_SECURITY_LINES: Final = "".join(f"{n}: {value}\r\n" for n, value in _SECURITY).encode()
_LINE_ENDS: Final = str.maketrans("\r\n\0", "   ")
_GZIP_LEVEL: Final = 1
_GZIP_WINDOW: Final = 31
"""zlib's number for a gzip header and the largest window."""
_PIECE_BYTES: Final = 16 << 10


class Encoder:
    """Writes answers; `wall_millis` is the clock for their date."""

    def __init__(self, wall_millis: Callable[[], int]) -> None:
        self._wall_millis = wall_millis
        self._date_second = -1
        self._date = b""
        self._no_content = b""
        self._no_content_date = b""

    def encode(
        self,
        answer: HttpAnswer,
        head: Head | None,
        *,
        ends: bool,
        is_endless: bool = False,
    ) -> bytes:
        """The bytes of an answer to `head`, None if that could not be read. `ends`:
        the connection is closed after it; `is_endless`: its body ends only then."""
        parts = [_STATUS_LINES[answer.status], self._date_line()]
        has_body = answer.status not in _BODILESS
        if has_body:
            parts.append(_type_line(answer.content_type))
            if not is_endless:
                parts.append(b"Content-Length: %d\r\n" % len(answer.body))
        parts.append(_own_lines(answer.headers) if answer.headers else _SECURITY_LINES)
        if ends:
            parts.append(b"Connection: close\r\n")
        elif head is not None and head.is_1_0:
            parts.append(b"Connection: keep-alive\r\n")
        parts.append(b"\r\n")
        if has_body and (head is None or head.request.method != "HEAD"):
            parts.append(answer.body)
        return b"".join(parts)

    def no_content(self) -> bytes:
        """The bytes of a 204 on a connection of HTTP/1.1 that goes on."""
        date = self._date_line()
        if date is not self._no_content_date:
            self._no_content = self.encode(NO_CONTENT, None, ends=False)
            self._no_content_date = date
        return self._no_content

    def _date_line(self) -> bytes:
        second = self._wall_millis() // 1000
        if second != self._date_second:
            self._date_second = second
            self._date = f"Date: {formatdate(second, usegmt=True)}\r\n".encode()
        return self._date


@lru_cache(maxsize=64)
def _type_line(content_type: str) -> bytes:
    return _line("Content-Type", content_type)


def _own_lines(headers: tuple[tuple[str, str], ...]) -> bytes:
    """The lines of an answer, and of `_SECURITY` those that it lacks."""
    names = {name.lower() for name, _ in headers}
    more = [item for item in _SECURITY if item[0].lower() not in names]
    return b"".join(_line(name, value) for name, value in (*headers, *more))


def _line(name: str, value: str) -> bytes:
    """One line of a header; line ends in the value become spaces."""
    return f"{name}: {value.translate(_LINE_ENDS)}\r\n".encode("latin-1", "replace")


def is_to_be_compressed(answer: HttpAnswer, request: HttpRequest | None) -> bool:
    """Whether an answer is long enough, and the client takes gzip."""
    accepted = None if request is None else request.headers.get("accept-encoding")
    return (
        len(answer.body) > GZIP_BYTES
        and accepted is not None
        and accepts_gzip(accepted)
        and all(name.lower() != "content-encoding" for name, _ in answer.headers)
    )


def accepts_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding names gzip, or anything, with a weight above 0."""
    weights: dict[str, bool] = {}
    for entry in accepted.lower().split(","):
        coding, _, parameter = entry.partition(";")
        _, _, weight = parameter.replace(" ", "").partition("q=")
        weights[coding.strip()] = not weight or bool(weight.strip("0."))
    return weights.get("gzip", weights.get("*", False))


def compressed(answer: HttpAnswer) -> Steps[HttpAnswer]:
    """The same answer in gzip, in steps."""
    packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    pieces = []
    for start in range(0, len(answer.body), _PIECE_BYTES):
        piece = answer.body[start : start + _PIECE_BYTES]
        pieces.append(packer.compress(piece))
        yield kilobytes(len(piece), Cost.GZIP_KILOBYTE)
    pieces.append(packer.flush())
    headers = (
        *answer.headers,
        ("Content-Encoding", "gzip"),
        ("Vary", "Accept-Encoding"),
    )
    return replace(answer, body=b"".join(pieces), headers=headers)

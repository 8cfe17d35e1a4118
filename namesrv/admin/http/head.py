"""The head of one request: its line and header, read by httptools.

httptools has llhttp inside, the parser of Node.js, in its strict mode: two lengths, a
length beside chunks, folded lines, spaces before a colon, bare CR or LF and NUL are
mistakes. Only whole heads are given to it, so that requests that follow are not read
before their turn.
"""

import re
from dataclasses import dataclass
from typing import Final

import httptools

from namesrv.admin.http.hosts import is_authority
from namesrv.admin.http.limits import LONGEST_BODY_BYTES, MOST_HEADERS
from namesrv.admin.http.messages import HttpAnswer, HttpRequest
from namesrv.admin.http.problems import problem

CHUNKED: Final = -1
"""The length of a body in chunks."""

END: Final = re.compile(rb"\r\n\r\n|(?<!\r)\n|\r[^\n]|\x00")
"""The end of a head, or a byte that no head has."""

_METHODS: Final = frozenset(
    ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
)
_SINGLE: Final = frozenset(("host", "authorization", "origin", "content-type"))
"""Fields of which a second one is a mistake, because readers could differ about it."""
_SPACES_OF_A_LINE: Final = 2
_HTTP_2: Final = b"PRI "
_HTTP_2_IS_NOT_SPOKEN: Final = "HTTP/2 is not served here: use HTTP/1.1"


@dataclass(frozen=True, slots=True)
class Head:
    """`request` has no body yet; `body_length` is CHUNKED or that of the body."""

    request: HttpRequest
    body_length: int
    keeps_alive: bool
    is_1_0: bool
    expects_100: bool


class HeadReader:
    """Reads heads, one after the other, of one connection."""

    __slots__ = ("_fields", "_is_complete", "_parser", "_url")

    def __init__(self) -> None:
        self._parser: httptools.HttpRequestParser | None = None
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._is_complete = False

    def on_url(self, url: bytes) -> None:
        """Called by the parser."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._is_complete = True

    def read(self, data: bytes) -> Head | HttpAnswer:
        """The head, or the error that answers it; the connection then has to end.

        `data` is a whole head with its empty line.
        """
        try:
            return self._read(data)
        finally:
            self._url = b""
            self._fields = []
            self._is_complete = False

    def _read(self, data: bytes) -> Head | HttpAnswer:
        if data.startswith(_HTTP_2):
            return problem(400, _HTTP_2_IS_NOT_SPOKEN)
        if data.count(b" ", 0, data.find(b"\r\n")) != _SPACES_OF_A_LINE:
            # llhttp would skip more of them.
            return malformed("its first line is not method, target and version")
        parser = self._parser or httptools.HttpRequestParser(self)
        self._parser = None
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # RFC 9110, 7.8: a server may ignore the wish for another protocol.
            return self._checked(parser, can_go_on=False)
        except httptools.HttpParserError as error:
            return malformed(str(error).lower())
        if not self._is_complete:
            return malformed("the request line is missing")
        return self._checked(parser, can_go_on=True)

    def _checked(
        self, parser: httptools.HttpRequestParser, *, can_go_on: bool
    ) -> Head | HttpAnswer:
        method = parser.get_method().decode("latin-1")
        version = parser.get_http_version()
        if version not in ("1.1", "1.0"):
            return problem(505, f"HTTP/{version} is not served here: use HTTP/1.1")
        if method not in _METHODS:
            return problem(501, f"the method {method} is not known here")
        headers = self._headers()
        if isinstance(headers, HttpAnswer):
            return headers
        is_1_0 = version == "1.0"
        body_length = _body_length(headers, is_1_0=is_1_0)
        if isinstance(body_length, HttpAnswer):
            return body_length
        target = _target(self._url.decode("latin-1"), headers, is_1_0=is_1_0)
        if isinstance(target, HttpAnswer):
            return target
        expectation = headers.get("expect", "").lower()
        if expectation not in ("", "100-continue"):
            return problem(417, "only the expectation 100-continue is known here")
        if can_go_on and not body_length:
            # Its request is complete, so that the next one may follow.
            self._parser = parser
        path, _, query = target.partition("?")
        return Head(
            HttpRequest(method, path, query, headers),
            body_length,
            _keeps_alive(headers.get("connection"), is_1_0=is_1_0),
            is_1_0,
            expects_100=bool(expectation) and not is_1_0,
        )

    def _headers(self) -> dict[str, str] | HttpAnswer:
        fields = self._fields
        if len(fields) > MOST_HEADERS:
            return problem(431, f"the header has more than {MOST_HEADERS} lines")
        headers: dict[str, str] = {}
        for raw_name, raw_value in fields:
            name = raw_name.decode("latin-1").lower()
            value = raw_value.decode("latin-1").strip(" \t")
            if name not in headers:
                headers[name] = value
            elif name in _SINGLE:
                return malformed(f"the header has more than one {name}")
            else:
                headers[name] += f", {value}"
        return headers


def malformed(reason: str) -> HttpAnswer:
    """The answer to bytes that are no request of HTTP/1.1."""
    return problem(400, f"the request is malformed: {reason}")


def _body_length(headers: dict[str, str], *, is_1_0: bool) -> int | HttpAnswer:
    coding = headers.get("transfer-encoding")
    if coding is not None:
        if is_1_0 or "content-length" in headers:
            return malformed("the length of its body is ambiguous")
        if coding.lower() != "chunked":
            return problem(501, "only the transfer encoding chunked is known here")
        return CHUNKED
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        return malformed("Content-Length is not a number")
    if len(text) > len(str(LONGEST_BODY_BYTES)) or int(text) > LONGEST_BODY_BYTES:
        return body_too_long()
    return int(text)


def body_too_long() -> HttpAnswer:
    """The answer to a body that is longer than the limit."""
    return problem(413, f"the body is longer than {LONGEST_BODY_BYTES} bytes")


def _target(target: str, headers: dict[str, str], *, is_1_0: bool) -> str | HttpAnswer:
    """The path and query. A whole URL, as proxies send it, has to name the host."""
    host = headers.get("host")
    if host is None and not is_1_0:
        return malformed("it has no Host")
    if host is not None and not is_authority(host):
        return malformed("its Host is no host with or without a port")
    if "#" in target:
        return malformed("its target has a fragment (#)")
    if target.startswith("/") or target == "*":
        return target
    scheme, _, rest = target.partition("://")
    authority, slash, path = rest.partition("/")
    if scheme.lower() not in ("http", "https") or not authority:
        return malformed("its target is no path")
    if host is not None and host.lower() != authority.lower():
        return malformed("its target is of another host than its Host")
    return slash + path or "/"


def _keeps_alive(connection: str | None, *, is_1_0: bool) -> bool:
    if connection is None:
        return not is_1_0
    options = {word.strip().lower() for word in connection.split(",")}
    return "close" not in options and (not is_1_0 or "keep-alive" in options)

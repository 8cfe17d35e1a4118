"""The head of one request: its line and header, read by httptools.

httptools has llhttp inside, the parser of Node.js, in its strict mode: two lengths, a
length beside chunks, folded lines, spaces before a colon, bare CR or LF and NUL are
mistakes. Only whole heads are given to it, so that requests that follow are not read
before their turn.
"""

from dataclasses import dataclass, replace
from typing import Final

import httptools

from namesrv.admin.http.hosts import is_authority
from namesrv.admin.http.limits import LONGEST_BODY_BYTES, MOST_HEADERS
from namesrv.admin.http.messages import HttpAnswer, HttpRequest
from namesrv.admin.http.problems import problem

CHUNKED: Final = -1
"""The length of a body in chunks."""

_METHODS: Final = {
    name.encode(): name
    for name in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
}
_NAMES: Final = {
    name.encode(): name.lower()
    for name in (
        *("Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"),
        *("Content-Length", "Content-Type", "Authorization", "If-None-Match"),
    )
}
"""Names of fields as most clients write them."""
_VERSION_1_0: Final = b" HTTP/1.0"
_VERSION_1_1: Final = b" HTTP/1.1"
_SINGLE: Final = frozenset(("host", "authorization", "origin", "content-type"))
"""Fields of which a second one is a mistake, because readers could differ about it."""
_SPACES_OF_A_LINE: Final = 2
_HTTP_2: Final = b"PRI "
_HTTP_2_IS_NOT_SPOKEN: Final = "HTTP/2 is not served here: use HTTP/1.1"


@dataclass(slots=True)
class Head:
    """`request` has no body yet; `body_length` is CHUNKED or that of the body."""

    request: HttpRequest
    body_length: int
    keeps_alive: bool
    is_1_0: bool
    expects_100: bool

    def awaits_body(self, received_bytes: int) -> bool:
        """Whether more of the body has to come than these bytes; always for chunks."""
        return self.body_length == CHUNKED or received_bytes < self.body_length

    def invites_body(self, received_bytes: int) -> bool:
        """Whether the client waits for an invitation to send the body, of which so
        many bytes have come."""
        if not self.expects_100 or not self.awaits_body(received_bytes):
            return False
        return self.body_length != CHUNKED or not received_bytes

    def without_request(self) -> "Head":
        """The part that the answer needs, for a request whose answer takes its time."""
        method = self.request.method
        return replace(self, request=HttpRequest(method, ""), body_length=0)


class HeadReader:
    """Reads heads, one after the other, of one connection."""

    __slots__ = ("_fields", "_parser", "_url")

    def __init__(self) -> None:
        self._parser: httptools.HttpRequestParser | None = None
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        """Called by the parser."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        self._fields.append((name, value))

    def read(self, data: bytes) -> Head | HttpAnswer:
        """The head, or the error that answers it; the connection then has to end.

        `data` is a whole head with its empty line.
        """
        line_end = data.find(b"\r\n")
        if data.startswith(_HTTP_2):
            return problem(400, _HTTP_2_IS_NOT_SPOKEN)
        if data.count(b" ", 0, line_end) != _SPACES_OF_A_LINE:
            # llhttp would skip more of them.
            return malformed("its first line is not method, target and version")
        parser = self._parser or httptools.HttpRequestParser(self)
        self._parser = None
        self._url = b""
        can_go_on = True
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # RFC 9110, 7.8: a server may ignore the wish for another protocol.
            can_go_on = False
        except httptools.HttpParserError as error:
            self._fields = []
            return malformed(str(error).lower())
        fields, self._fields = self._fields, []
        method = _METHODS.get(parser.get_method())
        is_1_0 = data.endswith(_VERSION_1_0, 0, line_end)
        if not is_1_0 and not data.endswith(_VERSION_1_1, 0, line_end):
            return problem(505, "only HTTP/1.1 and HTTP/1.0 are served here")
        if method is None:
            return problem(501, "the method is not known here")
        head = _checked(method, self._url.decode("latin-1"), fields, is_1_0=is_1_0)
        if can_go_on and type(head) is Head and not head.body_length:
            # Its request is complete, so that the next one may follow.
            self._parser = parser
        return head


def _checked(
    method: str, target: str, fields: list[tuple[bytes, bytes]], *, is_1_0: bool
) -> Head | HttpAnswer:
    headers = _headers(fields)
    if type(headers) is HttpAnswer:
        return headers
    assert type(headers) is dict
    body_length = 0
    if "content-length" in headers or "transfer-encoding" in headers:
        found = _body_length(headers, is_1_0=is_1_0)
        if isinstance(found, HttpAnswer):
            return found
        body_length = found
    path = _target(target, headers, is_1_0=is_1_0)
    if isinstance(path, HttpAnswer):
        return path
    expectation = headers.get("expect", "").lower()
    if expectation not in ("", "100-continue"):
        return problem(417, "only the expectation 100-continue is known here")
    path, _, query = path.partition("?")
    return Head(
        HttpRequest(method, path, query, headers),
        body_length,
        _keeps_alive(headers.get("connection"), is_1_0=is_1_0),
        is_1_0,
        bool(expectation) and not is_1_0,
    )


def _headers(fields: list[tuple[bytes, bytes]]) -> dict[str, str] | HttpAnswer:
    if len(fields) > MOST_HEADERS:
        return problem(431, f"the header has more than {MOST_HEADERS} lines")
    headers: dict[str, str] = {}
    for raw_name, raw_value in fields:
        name = _NAMES.get(raw_name) or raw_name.decode("latin-1").lower()
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

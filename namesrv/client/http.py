"""Asks a NameServer of this project over HTTP, which shares its port.

A question is one request of HTTP/1.0 on a connection of its own, so that the end of
the answer is the end of the connection, or the length in its head.
"""

from __future__ import annotations

import json
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote, urlencode, urljoin

from namesrv.client.diagnosis import silence_sentence
from namesrv.client.opening import left, opened, places_of
from namesrv.errors import HttpMissing, HttpRejected, NameServerUnreachable

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping, Sequence

    from namesrv.client.addresses import Address
    from namesrv.client.terms import Terms

MOST_ANSWER_BYTES: Final = 64 << 20
UNAUTHORIZED: Final = 401
_READ_BYTES: Final = 1 << 16
_BEGINNING: Final = b"HTTP/1."
_LONGEST_HEAD: Final = 1 << 16


class HttpReply(NamedTuple):
    """A status, the value of a JSON body (None for another body), and headers by their
    names in small letters."""

    status: int
    value: Any
    headers: Mapping[str, str]


class HttpQuestions:
    """Asks the first of several servers that answers. `token` is one of its
    `httpTokenFile`, None without one; `address` is the server that answered last."""

    def __init__(
        self, addresses: Sequence[Address], terms: Terms, token: str | None = None
    ) -> None:
        self._addresses = list(addresses)
        self._terms = terms
        self._token = token

    @property
    def address(self) -> Address:
        """The server that answered last, or that is asked first."""
        return self._addresses[0]

    @property
    def has_token(self) -> bool:
        """Whether requests have a token."""
        return self._token is not None

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """The JSON value of a success.

        Raises HttpMissing if no server speaks HTTP, HttpRejected for another status
        than 200, and NameServerUnreachable.
        """
        target = f"{path}?{urlencode(query, errors='surrogatepass')}" if query else path
        reply = self.ask(target)
        if reply.status == 200 and reply.value is not None:
            return reply.value
        detail = reply.value.get("detail", "") if isinstance(reply.value, dict) else ""
        if reply.status == UNAUTHORIZED and self._token is None:
            detail = (
                "it needs a token; give one with --token-file FILE or NAMESRV_TOKEN"
            )
        raise HttpRejected(str(self.address), reply.status, str(detail))

    def pages(
        self, path: str, query: Mapping[str, str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """The pages of a list, from the first one to the one without `next`. Raises as
        `get`."""
        page = self.get(path, query)
        while isinstance(page, dict):
            yield page
            following = page.get("next")
            if not isinstance(following, str):
                return
            page = self.get(urljoin(path, following))

    def ask(self, target: str) -> HttpReply:
        """The answer to GET, whatever its status is. Raises HttpMissing and
        NameServerUnreachable."""
        reasons: list[NameServerUnreachable] = []
        for address in list(self._addresses):
            try:
                reply = self._asked(address, target)
            except NameServerUnreachable as failure:
                reasons.append(failure)
            else:
                self._addresses.remove(address)
                self._addresses.insert(0, address)
                return reply
        if len(reasons) == 1:
            raise reasons[0]
        raise NameServerUnreachable("\n".join(map(str, reasons)))

    def _asked(self, address: Address, target: str) -> HttpReply:
        places = places_of(address, self._terms)
        deadline = monotonic() + self._terms.timeout_seconds
        with opened(places, address, self._terms, deadline) as connected:
            try:
                connected.settimeout(left(deadline))
                connected.sendall(self._request(address, target))
                data = _received(address, connected, deadline)
            except ConnectionError:
                # A NameServer without HTTP closes a connection that begins with it.
                raise HttpMissing(str(address)) from None
            except OSError as error:
                sentence = silence_sentence(address, error, self._terms, deadline)
                raise NameServerUnreachable(sentence) from error
        return _reply(address, data)

    def _request(self, address: Address, target: str) -> bytes:
        lines = [f"GET {target} HTTP/1.0", f"Host: {address}"]
        lines += ["Accept: application/json", "User-Agent: namesrv"]
        if self._token is not None:
            lines.append(f"Authorization: Bearer {self._token}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


def _received(address: Address, connected: socket.socket, deadline: float) -> bytes:
    """All bytes until the server closes, as HTTP or not. Raises OSError."""
    data = bytearray()
    while True:
        connected.settimeout(left(deadline))
        piece = connected.recv(_READ_BYTES)
        data += piece
        if not piece or not data.startswith(_BEGINNING[: len(data)]):
            break
        if len(data) > MOST_ANSWER_BYTES:
            raise NameServerUnreachable(
                f"{address} answers with more than {MOST_ANSWER_BYTES} bytes"
            )
    if not data:
        raise ConnectionError
    return bytes(data)


def _reply(address: Address, data: bytes) -> HttpReply:
    head, end, body = data.partition(b"\r\n\r\n")
    words = head[:_LONGEST_HEAD].split(None, 2)
    if not end or not data.startswith(_BEGINNING) or not words[1:]:
        raise HttpMissing(str(address))
    status = int(words[1]) if words[1].isdigit() else 0
    headers = _headers(head[:_LONGEST_HEAD].decode("latin-1"))
    try:
        return HttpReply(status, json.loads(body), headers)
    except ValueError:
        return HttpReply(status, None, headers)


def _headers(head: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in head.split("\r\n")[1:])
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="", errors="surrogatepass").replace(".", "%2E")

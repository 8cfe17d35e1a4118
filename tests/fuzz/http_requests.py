"""Conversations in HTTP: the same however they are cut, and as a strict grammar reads
them."""

import re
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Final, NamedTuple

from namesrv.admin.http.limits import LONGEST_BODY_BYTES, LONGEST_HEAD_BYTES
from namesrv.admin.http.messages import (
    Asked,
    Handled,
    HttpAnswer,
    HttpRequest,
    Stream,
    Wait,
)
from namesrv.codes import RequestCode
from namesrv.wire.command import RemotingCommand
from namesrv.work import Steps
from tests.admin.http.smuggling import CORPUS
from tests.admin.http.talk import Read, Talk, answers, post, request
from tests.fuzz.target import MutateBytes, Target, repeated, ways_to_cut

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_EMPTY: Final = re.compile(rb"(?:\r\n)*")
_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_VALUE: Final = rb"[\t\x20-\x7e\x80-\xff]*"
_HEAD: Final = re.compile(
    rb"([A-Z]+) ([!-\x7e]+) HTTP/1\.([01])\r\n((?:%s:%s\r\n)*)\r\n" % (_TOKEN, _VALUE)
)
_FIELD: Final = re.compile(rb"(%s):(%s)\r\n" % (_TOKEN, _VALUE))
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;%s)?\r\n" % _VALUE)
_TRAILER: Final = re.compile(rb"(?:%s:%s\r\n)*\r\n" % (_TOKEN, _VALUE))


class Seen(NamedTuple):
    """A request as an application sees it."""

    method: str
    target: str
    body: bytes


def run(data: bytes) -> None:
    """One result for every way of cutting; nothing is read that is not there."""
    results = [conversed(pieces) for pieces in ways_to_cut(data)]
    assert all(result == results[0] for result in results), results
    output, seen = results[0]
    found = read_answers(output, seen)
    assert len(found) <= len(seen) + 1
    assert all(answer.status in range(200, 600) for answer in found)
    grammar = list(read_strictly(data))
    assert seen == grammar[: len(seen)], (seen, grammar)
    if long := repeated(data):
        conversed([long])


def read_answers(output: bytes, seen: list[Seen]) -> list[Read]:
    """The answers; the last one may be the refusal of a HEAD, which has no body."""
    heads = tuple(n for n, request in enumerate(seen) if request.method == "HEAD")
    if output.endswith(b"\r\n\r\n"):
        heads += (len(seen),)
    return answers(output, heads=heads)


def conversed(pieces: list[bytes]) -> tuple[bytes, list[Seen]]:
    """All output without invitations, and the requests that were handled."""
    talk = Talk(steps=steps, asked=asked, wait=wait, stream=stream)
    output = talk.converse(*pieces)
    kept_bytes = talk.conversation.buffered_bytes
    assert kept_bytes <= LONGEST_HEAD_BYTES + LONGEST_BODY_BYTES + max(
        map(len, pieces), default=0
    )
    seen = [
        Seen(r.method, r.path + (f"?{r.query}" if r.query else ""), r.body)
        for r in talk.application.requests
    ]
    return output.replace(_CONTINUE, b""), seen


def steps(_: HttpRequest) -> Steps[HttpAnswer]:
    """An answer in more than a turn."""
    for _turn in range(3):
        yield 600
    return HttpAnswer(200, b"steps")


def asked(_: HttpRequest) -> Handled:
    """A request for the processor."""
    fields: dict[str, str | None] = {"namespace": "n", "key": "k"}
    command = RemotingCommand(RequestCode.GET_KV_CONFIG, ext_fields=fields)
    return Asked(command, lambda answer: HttpAnswer(200, b"%d" % answer.code))


def wait(_: HttpRequest) -> Handled:
    """An answer that comes when the peer sends more."""
    taken: list[Callable[[HttpAnswer], None]] = []

    def hurry() -> None:
        if taken:
            taken.pop()(HttpAnswer(200, b"waited"))

    return Wait(taken.append, hurry)


def stream(_: HttpRequest) -> Handled:
    """An answer that ends when the peer sends more."""
    return Stream(HttpAnswer(200, b"", "text/event-stream"), lambda: None)


def read_strictly(data: bytes) -> Iterator[Seen]:
    """The requests of a stream as the grammar of RFC 9112 has them."""
    at = 0
    while match := _HEAD.match(data, at := _skip(data, at)):
        method, target, _, lines = match.groups()
        at = match.end()
        fields = [(n.lower(), v.strip(b" \t")) for n, v in _FIELD.findall(lines)]
        values = dict(fields)
        if b"transfer-encoding" in values:
            chunked = _read_chunks(data, at)
            if chunked is None:
                return
            body, at = chunked
        else:
            length = values.get(b"content-length", b"0")
            if not length.isdigit() or at + int(length) > len(data):
                return
            body = data[at : at + int(length)]
            at += int(length)
        yield Seen(method.decode(), _path(target.decode()), body)


def _skip(data: bytes, at: int) -> int:
    match = _EMPTY.match(data, at)
    return at if match is None else match.end()


def _path(target: str) -> str:
    """A whole URL without its host; the mark of an empty query goes."""
    whole = re.fullmatch(r"(?i:https?)://[^/]+(/.*)?", target)
    if whole is not None:
        target = whole[1] or "/"
    path, _, query = target.partition("?")
    return f"{path}?{query}" if query else path


def _read_chunks(data: bytes, at: int) -> tuple[bytes, int] | None:
    body = b""
    while match := _CHUNK.match(data, at):
        size, at = int(match[1], 16), match.end()
        if not size:
            trailer = _TRAILER.match(data, at)
            return None if trailer is None else (body, trailer.end())
        body += data[at : at + size]
        at += size + 2
        if data[at - 2 : at] != b"\r\n":
            return None
    return None


def mutate(random: Random, data: bytes, change: MutateBytes) -> bytes:
    """Another line of the corpus, a line that goes, twice or moves; else any bytes."""
    lines = data.split(b"\r\n")
    at = random.randrange(len(lines))
    match random.randrange(6):
        case 0:
            other = random.choice(list(CORPUS.values())).split(b"\r\n")
            lines.insert(at, random.choice(other))
        case 1:
            del lines[at]
        case 2:
            lines.insert(random.randrange(len(lines)), lines[at])
        case 3:
            lines[at] = change(lines[at])
        case 4:
            return data + random.choice(list(CORPUS.values()))
        case _:
            return change(data)
    return b"\r\n".join(lines)


def seeds() -> Iterable[bytes]:
    """The corpus of ambiguous requests, and good ones of every kind."""
    yield request("/a?x=1") + post(b"three", "/b") + request("/steps")
    yield request("/asked") + request("/c", "Connection: close")
    yield (
        request("/d", "Transfer-Encoding: chunked", method="PUT")
        + b"3\r\nabc\r\nA;ext=1\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"
    )
    yield (
        request("/e", "Expect: 100-continue", "Content-Length: 1", method="PUT") + b"x"
    )
    yield request("/f", "Connection: upgrade", "Upgrade: h2c") + request("/g")
    yield b"GET /h HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /i HTTP/1.0\r\n\r\n"
    yield request("/wait") + request("/a") + request("/wait")
    yield request("/wait") * 3 + b"\r\n" + post(b"three", "/wait")
    yield request("/wait", "Connection: close") + request("/a")
    yield request("/stream")
    yield request("/a") + request("/stream") + request("/b")
    yield request("/stream", method="HEAD") + request("/stream")
    yield from CORPUS.values()


TARGET: Final = Target(
    "http",
    run,
    (),
    seeds,
    mutate,
    (
        *(b"GET ", b"POST ", b"PUT ", b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b"Host: a"),
        *(
            b"Content-Length: ",
            b"Transfer-Encoding: chunked\r\n",
            b"\r\n\r\n",
            b"0\r\n",
        ),
        *(b"/wait ", b"/stream "),
        *(b"Connection: close\r\n", b"Expect: 100-continue\r\n", b"chunked", b"\r\n "),
    ),
    8192,
)

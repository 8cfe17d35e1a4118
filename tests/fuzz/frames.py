"""Frames: decoders and connections of both twins, the stream cut anywhere."""

import zlib
from collections.abc import Iterable
from typing import Any, Final

from namesrv.errors import ConnectionFault
from namesrv.testing.peer import (
    Broker,
    binary_request,
    frame,
    registration,
    registration_body,
    request,
)
from tests.fuzz.recorded import recorded_streams
from tests.fuzz.structure import mutate_frames
from tests.fuzz.target import Target, chance, tried, ways_to_cut
from tests.parity.naive import NaiveDecoder
from tests.parity.played import PLAYED, NaiveServer, TwinServer
from tests.parity.requests import KNOWN_VERSIONS, TOPICS
from tests.parity.twins import FAST, PURE, outcome, state

ALLOWED: Final = (ConnectionFault,)
# What the played processor itself raises, and what a connection says of its answers.
OF_THE_PROCESSOR: Final = (RuntimeError, TypeError)


def run(data: bytes) -> None:
    """Every way of cutting gives the same frames; both twins and a model agree."""
    random = chance(data)
    limit = random.choice((2**24, 2**24, 300, 12))
    ways = list(ways_to_cut(data))
    whole = decoded(NaiveDecoder(limit), [data])
    for pieces in ways:
        expected = decoded(NaiveDecoder(limit), pieces)
        assert decoded(PURE.FrameDecoder(limit), pieces) == expected
        assert decoded(FAST.FrameDecoder(limit), pieces) == expected
        assert [e for e in expected if e] == [e for e in whole if e]
    converse(random.choice(ways), limit)


def decoded(decoder: Any, pieces: Iterable[bytes]) -> list[Any]:
    """Frames, and a fault that ends them; None where one is incomplete."""
    found: list[Any] = []
    for piece in pieces:
        decoder.feed(piece)
        while True:
            seen = tried(ALLOWED, decoder.next_frame)
            if seen[0] == "err":
                return [*found, seen]
            found.append(None if seen[1] is None else tuple(seen[1]))
            if seen[1] is None:
                break
    return found


def converse(pieces: list[bytes], limit: int) -> None:
    """The same answers and the same state from both twins and the model."""
    servers = [TwinServer(PURE, limit, 300), TwinServer(FAST, limit, 300)]
    model = NaiveServer(limit, 300)
    for server in (*servers, model):
        server.connect("10.0.0.9:4000")
        for topic in TOPICS[:3]:
            server.mark(topic)
    for server in servers:
        server.hot.hot_codes = 7
    for now_ms, piece in enumerate(pieces):
        expected = outcome(model.connections[0].receive, piece, now_ms)
        assert expected[0] == "ok" or expected[1] in OF_THE_PROCESSOR, expected
        for server in servers:
            receive = server.connections[0].receive
            assert outcome(receive, piece, now_ms) == expected
        seen = state(servers[0].connections[0])
        assert state(servers[1].connections[0]) == seen
        naive = model.connections[0]
        assert (seen["pause"][1], str(naive.fault)) == (
            naive.pause,
            str(servers[0].connections[0].fault),
        )
        if naive.pause and naive.fault is None:
            expected = outcome(naive.resume, now_ms, b"")
            for server in servers:
                server.hot.turn_taken = False
                assert outcome(server.connections[0].resume, now_ms, b"") == expected


def seeds() -> Iterable[bytes]:
    """Recorded conversations, and every request that the played processor knows."""
    yield from (stream for stream in recorded_streams() if len(stream) <= 2048)
    for form in (request, binary_request):
        yield b"".join(form(code, {"topic": "a"}, opaque=code) for code in PLAYED)
        yield b"".join(form(105, {"topic": t}, version=317) * 2 for t in TOPICS)
        yield form(904, Broker().ext_fields)
        query = form(322, Broker().ext_fields, KNOWN_VERSIONS[0])
        yield registration(Broker()) + query + registration(Broker())
    checksum = str(zlib.crc32(registration_body()) & 0x7FFFFFFF)
    zero = registration(Broker(), ext={"bodyCrc32": "0" + checksum})
    yield registration(Broker()) + zero
    yield frame(b"{}") + b"\x00\x00\x00\x03"
    yield b"\xff\xff\xff\xff" + frame(b"{}", b"", 2)


TARGET: Final = Target(
    "frames", run, ALLOWED, seeds, mutate_frames, (b"\0\0\0", b"\x01"), 2560
)

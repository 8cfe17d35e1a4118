"""Frames in pieces, long frames, frames put back, frames that break the rules."""

from namesrv._impl import IMPLEMENTATION
from namesrv.testing.peer import frame, request
from namesrv.testing.twins import load_twin
from tests.parity.leaks.measure import FEWER, keep_nothing
from tests.parity.leaks.server import NOW_MS, Server

hot = load_twin(IMPLEMENTATION)
decoder = hot.FrameDecoder(1 << 24)
server = Server(lambda *arguments: b"")
whole = frame(b"header", b"body")
long = frame(b"header", bytes(300_000))
cut = request(105, {"topic": "known"}) * 3


def decoded() -> None:
    decoder.feed(whole * 20)
    while decoder.next_frame() is not None:
        pass


def put_back() -> None:
    decoder.feed(whole * 3 + whole[:5])
    for _ in range(3):
        decoder.next_frame()
        decoder.put_back()
        decoder.next_frame()
    decoder.next_frame()
    decoder.feed(whole[5:])
    decoder.next_frame()
    decoder.next_frame()


def in_pieces() -> None:
    for at in range(0, len(cut), 37):
        server.connection.receive(cut[at : at + 37], NOW_MS)


def long_in_pieces() -> None:
    server.hot.turn_taken = False
    server.connection.resume(NOW_MS)
    for at in range(0, len(long), 65_536):
        server.connection.receive(long[at : at + 65_536], NOW_MS)
    server.connection.resume(NOW_MS)


def broken_rules() -> None:
    for bad in (
        b"\0\0\0\0",
        b"\xff\xff\xff\xff",
        b"\0\0\0\4\2\0\0\0",
        b"\0\0\0\4\0\0\0\1",
    ):
        ended = server.connect()
        ended.receive(whole[:3], NOW_MS)
        ended.receive(whole[3:] + bad + whole, NOW_MS)
        assert ended.fault is not None


watched = {**server.watched(), "the decoder": decoder}
keep_nothing("frames", decoded, 20, watched, FEWER)
keep_nothing("frames put back", put_back, 10, watched, FEWER)
keep_nothing("frames in pieces", in_pieces, 3, watched)
keep_nothing("long frames", long_in_pieces, 1, watched, 2_000)
keep_nothing("broken rules", broken_rules, 4, watched, FEWER)
assert server.connection.buffered_bytes == 0

"""TLS as a layer of bytes: before a handshake, and in the middle of a stream."""

from collections.abc import Iterable
from typing import Final

from namesrv.server.tls.layer import TlsLayer
from tests.fuzz.target import Target, chance, ways_to_cut
from tests.server.tls.test_layer import SERVER_CONTEXT, VERSIONS, Pair
from tests.server.tls.tls_peer import TlsClient, client_context

ALLOWED: Final = ()
_LONGEST_RECORD: Final = 16384 + 2048 + 5


def run(data: bytes) -> None:
    """As a first message; then as what a client says, and as what somebody puts in."""
    faults = {first_message(pieces) for pieces in ways_to_cut(data)}
    assert len(faults) == 1, faults
    random = chance(data)
    pair = Pair(random.choice(VERSIONS))
    pair.open()
    pieces = random.choice(list(ways_to_cut(data)))
    plain = [pair.layer.receive(pair.client.send(piece)) for piece in pieces if piece]
    assert b"".join(plain) == data and pair.layer.fault is None
    for piece in pieces:
        assert pair.layer.receive(piece) == b""
        assert pair.layer.kept_bytes <= _LONGEST_RECORD
        pair.layer.take_output()
    pair.layer.send(b"an answer")
    pair.layer.finish()


def first_message(pieces: list[bytes]) -> str:
    """What became of a connection that begins so."""
    layer = TlsLayer(SERVER_CONTEXT)
    for piece in pieces:
        assert layer.receive(piece) == b""
        assert layer.kept_bytes <= sum(map(len, pieces))
    layer.take_output()
    assert not layer.is_open
    return str(layer.fault)


def seeds() -> Iterable[bytes]:
    """A hello of TLS 1.2, with the same random bytes each time, and records."""
    hello = bytearray(TlsClient(client_context(version=VERSIONS[0])).start())
    # They stand after two headers and a version.
    hello[11:43] = bytes(32)
    yield bytes(hello)
    yield b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"
    yield b"\x15\x03\x03\x00\x02\x02\x28" * 3
    yield b"\x17\x03\x03\x00\x04abcd" + b"\x14\x03\x03\x00\x01\x01"
    yield b"\x16\x03\x01\xff\xff" + bytes(64)
    yield b"\x16\x02\x00\x00\x01\x01"


TARGET: Final = Target(
    "tls",
    run,
    ALLOWED,
    seeds,
    words=(b"\x16\x03\x01", b"\x17\x03\x03\0"),
    max_bytes=1024,
)

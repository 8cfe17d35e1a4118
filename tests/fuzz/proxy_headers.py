"""PROXY headers and first bytes: the same however they are cut, and bounded."""

import struct
from collections.abc import Iterable
from random import Random
from typing import Any, Final

from namesrv.errors import ProxyHeaderInvalid
from namesrv.server.connections.first_bytes import Sniffer
from tests.fuzz.target import MutateBytes, Target, tried, ways_to_cut

ALLOWED: Final = (ProxyHeaderInvalid,)
SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_LONGEST_HEADER: Final = 65_551


def run(data: bytes) -> None:
    """One verdict for every way of cutting."""
    for knows_http in (True, False):
        verdicts = [sniffed(pieces, knows_http) for pieces in ways_to_cut(data)]
        assert all(verdict == verdicts[0] for verdict in verdicts), verdicts
    stream, source, fault, is_tls = verdicts[0]
    assert is_tls == (stream[:1] == b"\x16")
    assert fault is not None or data.endswith(stream)
    if data.startswith(SIGNATURE) and len(data) >= 16:
        assert (fault is ProxyHeaderInvalid) == is_wrong_v2(data)
    if source is not None:
        host, port = source
        assert 0 <= port <= 0xFFFF and host.isascii() and host


def sniffed(pieces: list[bytes], knows_http: bool) -> tuple[bytes, Any, Any, bool]:
    """What came through, from whom, why it ended, whether it is TLS. After a fault
    nothing counts."""
    sniffer = Sniffer(knows_http=knows_http)
    stream = b""
    for piece in pieces:
        seen = tried(ALLOWED, sniffer.feed, piece)
        if seen[0] == "err":
            return b"", None, seen[1], False
        stream += seen[1] or b""
        assert sniffer.kept_bytes <= _LONGEST_HEADER + len(piece)
        assert seen[1] is None or sniffer.kept_bytes == 0
    return stream, sniffer.source, None, sniffer.is_tls


def is_wrong_v2(data: bytes) -> bool:
    """Whether HAProxy's text forbids what a header of version 2 says of itself."""
    version, command = divmod(data[12], 16)
    family, transport = divmod(data[13], 16)
    if version != 2 or command > 1:
        return True
    if command == 0:
        return False
    length = int.from_bytes(data[14:16])
    return family > 3 or transport > 2 or length < (0, 12, 36, 216)[family]


def header_v2(command: int, family: int, block: bytes) -> bytes:
    """A header of version 2 with the length of what follows."""
    return SIGNATURE + struct.pack(">BBH", command, family, len(block)) + block


def mutate(random: Random, data: bytes, change: MutateBytes) -> bytes:
    """The line, or a block whose length stays right; what follows stays mostly."""
    if data.startswith(SIGNATURE) and len(data) >= 16:
        end = 16 + int.from_bytes(data[14:16])
        command, family, block = data[12], data[13], data[16:end]
        match random.randrange(4):
            case 0:
                family = random.choice(
                    (0, 0x11, 0x12, 0x21, 0x22, 0x31, 0x32, 0x41, 0x13)
                )
            case 1:
                command = random.choice((0x20, 0x21, 0x22, 0x11))
            case _:
                block = change(block)
        return header_v2(command, family, block) + data[end:]
    line, mark, rest = data.partition(b"\r\n")
    if not mark or random.random() < 0.2:
        return change(data)
    words = line.split(b" ")
    at = random.randrange(len(words))
    words[at] = change(words[at])
    return b" ".join(words) + mark + rest


def seeds() -> Iterable[bytes]:
    """Both versions, every family, and what is no PROXY header."""
    yield b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 9876\r\n\0\0\0\5"
    yield b"PROXY TCP6 2001:db8::1 2001:db8::2 56324 9876\r\n\0"
    yield b"PROXY UNKNOWN\r\n\x16\x03\x01"
    yield b"PROXY UNKNOWN ffff::1 2 3 4\r\n\0\0"
    yield b"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n"
    yield b"PROXY " + b"x" * 110
    yield header_v2(0x21, 0x11, bytes([10, 0, 0, 1, 10, 0, 0, 2, 1, 2, 3, 4])) + b"\0\0"
    yield header_v2(0x21, 0x21, bytes(range(36)) + b"\3\0\4tlvs") + b"\0"
    yield header_v2(0x21, 0x31, bytes(216)) + b"\0"
    yield header_v2(0x20, 0, b"") + b"\x16"
    yield b"\0\0\0\5frame"
    yield b"\x16\x03\x01"
    yield b"GET / HTTP/1.1\r\n\r\n"


TARGET: Final = Target(
    "proxy",
    run,
    ALLOWED,
    seeds,
    mutate,
    (SIGNATURE, b"PROXY ", b"TCP4 ", b"TCP6 ", b"UNKNOWN", b"\r\n", b"::", b"%eth0"),
    1024,
)

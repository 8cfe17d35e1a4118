"""Frames and headers that cannot be read: closed without an answer (section 5.4)."""

import json
import struct

import pytest

from namesrv.testing.peer import frame, lookup, request
from tests.hostile.attacked_server import AttackedServer, send_what_is_taken

FRAME_MAX_BYTES = 16 << 20
LEN_MAX = FRAME_MAX_BYTES - 4
DEEP = 100_000

LENGTHS = [-1, -(2**31), 0, 1, 2, 3, LEN_MAX + 1, 2**31 - 1]


def header(**members: object) -> bytes:
    """A good header, with members replaced or added."""
    good = {"code": 105, "opaque": 1, "extFields": {"topic": "t"}}
    return json.dumps(good | members).encode()


JSON_HEADERS = {
    "empty": b"",
    "blank": b"  ",
    "null": b"null",
    "array": b"[]",
    "array of a header": b"[" + header() + b"]",
    "string": b'"code"',
    "number": b"105",
    "cut short": header()[:-1],
    "cut in a string": b'{"code":105,"remark":"',
    "two values": header() + header(),
    "text after": header() + b"x",
    "binary rubbish": bytes(range(256)),
    "not UTF-8": b'{"code":105,"remark":"\xff\xfe"}',
    "code is a word": header(code="route"),
    "code with blanks": header(code=" 105"),
    "code of a fraction in a string": header(code="4.5"),
    "code over 32 bits": header(code=2**31),
    "code under 32 bits": header(code=-(2**31) - 1),
    "opaque over 32 bits": header(opaque=2**40),
    "flag is a word": header(flag="oneway"),
    "version is a word": header(version="V5"),
    "version of a million digits": b'{"code":105,"version":' + b"9" * 10**6 + b"}",
    "language over the last": header(language=14),
    "language below the first": header(language=-1),
    "language is true": header(language=True),
    "extFields is an array": header(extFields=[1]),
    "extFields is a number": header(extFields=5),
    "extFields is true": header(extFields=True),
    "extFields is a word": header(extFields="topic"),
    "extFields with a bare number": b'{"code":105,"extFields":{1:"a"}}',
    "deep arrays": b"[" * DEEP,
    "deep objects": b'{"a":' * DEEP,
    "deep and closed": b"[" * DEEP + b"]" * DEEP,
    "deep member": header(x=0)[:-2] + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep extField": b'{"code":105,"extFields":{"a":'
    + b"[" * DEEP
    + b"]" * DEEP
    + b"}}",
    "only opening quotes": b'"' * DEEP,
    "only backslashes": b'{"code":"' + b"\\" * DEEP,
    "only colons": b"{" + b":" * DEEP,
}

FIXED = struct.pack(">hBhii", 105, 0, 479, 1, 0)


def binary(remark_length: int, ext_length: int, ext: bytes) -> bytes:
    """A binary header with lengths that may lie."""
    lengths = struct.pack(">i", remark_length), struct.pack(">i", ext_length)
    return FIXED + lengths[0] + lengths[1] + ext


def entry(name_length: int, name: bytes, value_length: int, value: bytes) -> bytes:
    """One extField with lengths that may lie."""
    parts = struct.pack(">h", name_length), name, struct.pack(">i", value_length), value
    return b"".join(parts)


GOOD_ENTRY = entry(5, b"topic", 1, b"t")

BINARY_HEADERS = {
    **{f"{size} bytes": (FIXED + bytes(8))[:size] for size in range(21)},
    "remark below 0": binary(-1, 0, b""),
    "remark too long": binary(10**6, 0, b""),
    "remark of 2 GiB": binary(2**31 - 1, 0, b""),
    "extFields too long": binary(0, 10**6, GOOD_ENTRY),
    "extFields of 2 GiB": binary(0, 2**31 - 1, GOOD_ENTRY),
    "extFields longer than what follows": binary(0, len(GOOD_ENTRY) + 1, GOOD_ENTRY),
    "name too long": binary(0, 12, entry(30000, b"topic", 1, b"t")),
    "name below 0": binary(0, 12, entry(-2, b"topic", 1, b"t")),
    "value too long": binary(0, 12, entry(5, b"topic", 10**6, b"t")),
    "value of 2 GiB": binary(0, 12, entry(5, b"topic", 2**31 - 1, b"t")),
    "value below 0": binary(0, 12, entry(5, b"topic", -1, b"t")),
    "name without a value": binary(0, 7, GOOD_ENTRY[:7]),
    "rubbish": bytes(range(255, 0, -1)),
}

PROXY_HEADERS = {
    "v1 of nothing": b"PROXY \r\n",
    "v1 of a wrong family": b"PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n",
    "v1 with control characters": b"PROXY TCP4 \x1b[31m 5.6.7.8 1 2\r\n",
    "v1 without an end": b"PROXY TCP4 " + b"1" * 100,
    "v1 twice": b"PROXY UNKNOWN\r\nPROXY UNKNOWN\r\n",
    "v2 of version 1": b"\r\n\r\n\x00\r\nQUIT\n\x11\x11\x00\x00",
    "v2 without room": b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x01",
    "half a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
    "TLS of version 4": b"\x16\x04\x00\x00\x04\x01\x00\x00\x00",
    "HTTP through a tunnel": b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.0\r\n",
    "Redis": b"*1\r\n$4\r\nPING\r\n",
}


def assert_closed(attacked: AttackedServer, data: bytes) -> None:
    """It is closed without an answer, at once and after a good request. The server may
    close it before all is sent."""
    with attacked.server.peer() as peer:
        send_what_is_taken(peer, data)
        assert peer.read_to_end() == b""
    with attacked.server.peer() as peer:
        send_what_is_taken(peer, lookup("t", 1) + data)
        assert peer.read_answer().opaque == 1
        assert peer.read_to_end() == b""


@pytest.mark.parametrize("length", LENGTHS)
def test_impossible_length_is_closed_at_once(
    attacked: AttackedServer, length: int
) -> None:
    assert_closed(attacked, (length % 2**32).to_bytes(4))
    with attacked.server.peer() as peer:
        for byte in (length % 2**32).to_bytes(4):
            peer.send(bytes([byte]))
        assert peer.read_to_end() == b""


@pytest.mark.parametrize("header_length", [1, 0xFFFF, 0xFFFFFF])
def test_header_longer_than_its_frame(
    attacked: AttackedServer, header_length: int
) -> None:
    data = (4).to_bytes(4) + header_length.to_bytes(4)
    assert_closed(attacked, data)


@pytest.mark.parametrize("serialize_type", [2, 3, 127, 128, 255])
def test_unknown_serialize_type(attacked: AttackedServer, serialize_type: int) -> None:
    assert_closed(attacked, frame(header(), b"", serialize_type))


@pytest.mark.parametrize("name", JSON_HEADERS)
def test_json_header_that_cannot_be_read(attacked: AttackedServer, name: str) -> None:
    assert_closed(attacked, frame(JSON_HEADERS[name]))


@pytest.mark.parametrize("name", BINARY_HEADERS)
def test_binary_header_that_cannot_be_read(attacked: AttackedServer, name: str) -> None:
    assert_closed(attacked, frame(BINARY_HEADERS[name], b"", 1))


@pytest.mark.parametrize("name", PROXY_HEADERS)
def test_other_protocols_are_closed(attacked: AttackedServer, name: str) -> None:
    with attacked.server.peer() as peer:
        peer.send(PROXY_HEADERS[name])
        peer.finish()
        assert peer.read_to_end() == b""


def test_longest_frame_is_answered(attacked: AttackedServer) -> None:
    with attacked.server.peer() as peer:
        empty = request(105, {"topic": "t"}, opaque=1)
        longest = request(
            105, {"topic": "t"}, bytes(FRAME_MAX_BYTES - len(empty)), opaque=1
        )
        assert len(longest) == FRAME_MAX_BYTES
        assert peer.ask(longest).opaque == 1
        assert peer.ask(lookup("t", 2)).opaque == 2


def test_frame_of_which_only_the_length_comes_takes_no_memory(
    attacked: AttackedServer,
) -> None:
    before = attacked.server.rss_mib()
    peers = [attacked.peer() for _ in range(200)]
    for peer in peers:
        peer.send(LEN_MAX.to_bytes(4))
    attacked.ask_witness()
    assert attacked.server.rss_mib() < before + 16


def test_others_were_served_all_along(attacked: AttackedServer) -> None:
    attacked.ask_witness()

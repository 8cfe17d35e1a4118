"""The quick reader of headers over both twins, and against the full reader."""

import itertools
import struct
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namesrv.errors import HeaderInvalid
from namesrv.hot_path import MOST_HEAD_MEMBERS
from namesrv.wire.command import decode_command
from tests.parity.headers import (
    HEADERS,
    binary_headers,
    cut_anywhere,
    json_headers,
    long_headers,
)
from tests.parity.twins import FAST, PURE, outcome


def read(serialize_type: int, header: bytes) -> Any:
    """What both twins read, None for "not mine"; the full reader agrees with it."""
    found = outcome(PURE.read_head, serialize_type, header)
    assert outcome(FAST.read_head, serialize_type, header) == found
    head = PURE.read_head(serialize_type, header)
    if head is None:
        return None
    fast_fields = FAST.read_head(serialize_type, header).ext_fields
    if fast_fields is not None:
        assert list(fast_fields) == list(head.ext_fields)
    full = decode_command(serialize_type, header, b"body")
    assert (full.code, full.version, full.opaque, full.flag, full.body) == (
        (head.code, head.version, head.opaque, head.flag, b"body")
    )
    assert full.ext_fields == head.ext_fields
    return head


def test_generated_headers_read_the_same_or_not_at_all() -> None:
    seen: Counter[tuple[int, bool]] = Counter()

    @settings(max_examples=12 * settings().max_examples)
    @given(HEADERS)
    def run(case: tuple[int, bytes]) -> None:
        seen[case[0], read(*case) is None] += 1

    run()
    # A grammar that is always refused, or always read, would prove nothing.
    for kind in itertools.product((0, 1), (True, False)):
        assert seen[kind] > settings().max_examples, seen


@given(long_headers())
def test_long_headers_read_the_same_or_not_at_all(case: tuple[int, bytes]) -> None:
    read(*case)


@settings(max_examples=2 * settings().max_examples)
@given(st.binary(max_size=60), st.integers(-3, 300))
def test_noise_reads_the_same(noise: bytes, serialize_type: int) -> None:
    assert outcome(FAST.read_head, serialize_type, noise) == (
        outcome(PURE.read_head, serialize_type, noise)
    )


@given(cut_anywhere(json_headers()), cut_anywhere(binary_headers()))
def test_a_header_that_ends_anywhere_reads_the_same(text: bytes, binary: bytes) -> None:
    read(0, text)
    read(1, binary)


def in_ext(value: bytes) -> bytes:
    return b'{"code":105,"opaque":1,"extFields":{"a":%b}}' % value


def at_top(name: bytes, value: bytes) -> bytes:
    members = {b"code": b"105", b"opaque": b"1"} | {name: value}
    parts = (b'"%b":%b' % member for member in members.items())
    return b"{" + b",".join(parts) + b"}"


NAMES = [b"code", b"opaque", b"version", b"flag", b"language", b"remark", b"extFields"]
VALUES = [
    *(b"0", b"-0", b"00", b"01", b"-1", b"-01", b"+1", b"1.", b"1.0", b"1e0", b"1L"),
    *(b"13", b"14", b"2147483647", b"2147483648", b"-2147483648", b"-2147483649"),
    *(b"999999999", b"1234567890", b"9999999999", b"12345678901", b"-12345678901"),
    *(b"9" * 19, b"9" * 20, b"9" * 40, b"-", b"--1", b"- 1", b"1 2", b"0x10"),
    *(b"true", b"false", b"null", b"nul", b"nulll", b"True", b"NULL", b"t", b""),
    *(b'""', b'"a"', b"'a'", b'"', b'"a', b'"\\', b'"\\"', b'"a"b"', b'"a""b"'),
    *(b"{}", b"{ }", b"{", b"}", b"[]", b"[1]", b'{"a":1}', b'{"a":{}}', b'{"":""}'),
    *(b'{"a":1,}', b'{,"a":1}', b'{"a":1 "b":2}', b'{"a" 1}', b'{"a"}', b"{1:1}"),
    *(b'"\xc3\xa9"', b'"\xff"', b'"\x7f"', b'"\x1f"', b'"\0"', b'"\t"', b"\xa0", b"\0"),
]


@pytest.mark.parametrize("name", [*NAMES, b"other", b"", b"Code"])
def test_any_value_of_any_member(name: bytes) -> None:
    for value in VALUES:
        read(0, at_top(name, value))
        read(0, in_ext(value))


def test_any_byte_at_any_place() -> None:
    header = b'{"code":105, "opaque":-1,"remark":null,"extFields":{"topic":"a"}}'
    for at in range(len(header) + 1):
        for byte in range(256):
            read(0, header[:at] + bytes([byte]) + header[at + 1 :])


def test_any_byte_put_in_or_left_out_of_a_binary_header() -> None:
    fixed = struct.pack(">hBhii", 105, 9, 317, -2, 2)
    ext = struct.pack(">H5sI2s", 5, b"topic", 2, b"Ab")
    ext += struct.pack(">H1sI1s", 1, b"n", 1, b"v")
    header = fixed + struct.pack(">I2sI", 2, b"\xff\0", len(ext)) + ext
    assert read(1, header).ext_fields == {"topic": "Ab", "n": "v"}
    for at in range(len(header) + 1):
        read(1, header[:at])
        read(1, header[:at] + header[at + 1 :])
        for byte in range(256):
            read(1, header[:at] + bytes([byte]) + header[at + 1 :])


LENGTHS = [0, 1, 2, 3, 4, 5, 127, 128, 255, 256, 2**15 - 1, 2**15, 2**16 - 1]
LENGTHS += [2**31 - 1, 2**31, 2**32 - 1, 2**32 - 4, 2**32 - 17]


@pytest.mark.parametrize("remark_length", LENGTHS)
def test_binary_lengths_of_every_size(remark_length: int) -> None:
    fixed = struct.pack(">hBhii", 105, 0, 479, 1, 0)
    for size in (0, 3, 4, 5, 300, 2**15 - 1):
        ext = b"\0\1n\0\0\0\1v"
        for ext_length in [*LENGTHS, len(ext)]:
            rest = b"r" * min(size, remark_length) + struct.pack(">I", ext_length) + ext
            read(1, fixed + struct.pack(">I", remark_length) + rest)


@pytest.mark.parametrize("name_length", LENGTHS[:13])
def test_binary_names_and_values_of_every_length(name_length: int) -> None:
    for value_length in LENGTHS:
        for sent in (0, 1, 4, 6, 300):
            pair = struct.pack(">H", name_length) + b"n" * name_length
            pair += struct.pack(">I", value_length) + b"v" * sent
            header = bytes(13) + struct.pack(">II", 0, len(pair)) + pair
            read(1, header)


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 100])
@pytest.mark.parametrize("again", [False, True])
def test_around_the_most_members(count: int, again: bool) -> None:
    names = [f"n{i}" for i in range(count)]
    if again and names:
        names[-1] = names[0]
    ext = ",".join(f'"{name}":"v"' for name in names)
    in_fields = '{"code":1,"opaque":1,"extFields":{%s}}' % ext  # noqa: UP031
    of_header = '{%s,"code":1,"opaque":1}' % (ext or '"x":1')
    pairs = b"".join(
        struct.pack(f">H{len(n)}sI1s", len(n), n.encode(), 1, b"v") for n in names
    )
    binary = bytes(13) + struct.pack(">II", 0, len(pairs)) + pairs
    unique = not again or count < 2
    assert (read(0, in_fields.encode()) is not None) is (
        unique and count <= MOST_HEAD_MEMBERS
    )
    assert (read(1, binary) is not None) is (unique and count <= MOST_HEAD_MEMBERS)
    assert (read(0, of_header.encode()) is not None) is (
        unique and count <= MOST_HEAD_MEMBERS - 2
    )


def test_what_only_the_full_reader_refuses_is_never_read() -> None:
    refused = [at_top(b"language", b"14"), at_top(b"language", b"-1"), in_ext(b"")]
    for header in refused:
        assert read(0, header) is None
        with pytest.raises(HeaderInvalid):
            decode_command(0, header, None)

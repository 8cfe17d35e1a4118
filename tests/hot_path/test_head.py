"""The quick reader of request headers, held against the full one."""

import json
import struct
from typing import Any

import pytest

from namesrv.hot_path import LONGEST_HOT_HEADER_BYTES, MOST_HEAD_MEMBERS
from namesrv.testing.peer import header_binary, header_json
from tests.hot_path.captured_headers import (
    CAPTURED,
    LUA_BINARY,
    OTHER_CAPTURED,
    RUST_BINARY,
    ZJYKZK_BINARY,
    ZJYKZK_CLUSTER,
    read_both_ways,
)

# --- the forms of real clients are hot ------------------------------------------------


@pytest.mark.parametrize(("client", "header"), CAPTURED, ids=[c for c, _ in CAPTURED])
def test_a_lookup_of_every_client_is_hot(hot: Any, client: str, header: str) -> None:
    head = read_both_ways(hot, 0, header.encode())
    assert (head.code, head.flag) == (105, 0)
    assert head.ext_fields["topic"] == "TopicA"
    assert head.version == json.loads(header)["version"]
    assert head.opaque == json.loads(header)["opaque"]


@pytest.mark.parametrize("header", OTHER_CAPTURED)
def test_other_requests_of_clients_are_read(hot: Any, header: str) -> None:
    expected = json.loads(header)
    head = read_both_ways(hot, 0, header.encode())
    assert (head.code, head.ext_fields) == (
        expected["code"],
        expected.get("extFields"),
    )


@pytest.mark.parametrize(
    ("header", "version", "opaque"),
    [(LUA_BINARY, 399, 6), (ZJYKZK_BINARY, 252, 2), (RUST_BINARY, 317, 2**31 - 1)],
    ids=["lua", "zjykzk", "rocketmq-rs"],
)
def test_a_binary_lookup_of_every_client_is_hot(
    hot: Any, header: bytes, version: int, opaque: int
) -> None:
    head = read_both_ways(hot, 1, header)
    assert (head.code, head.version, head.opaque) == (105, version, opaque)
    assert head.ext_fields == {"topic": "TopicA"}


def test_a_binary_header_without_ext_fields_has_none(hot: Any) -> None:
    assert read_both_ways(hot, 1, ZJYKZK_CLUSTER).ext_fields is None


def test_ext_values_become_text(hot: Any) -> None:
    header = (
        b'{"code":105,"opaque":1,"extFields":'
        b'{"a":12,"b":true,"c":false,"d":null,"e":-7,"f":""}}'
    )
    assert read_both_ways(hot, 0, header).ext_fields == {
        "a": "12",
        "b": "true",
        "c": "false",
        "d": None,
        "e": "-7",
        "f": "",
    }


def test_version_and_flag_are_zero_when_absent(hot: Any) -> None:
    head = read_both_ways(hot, 0, b'{"code":105,"opaque":3}')
    assert (head.version, head.flag, head.ext_fields) == (0, 0, None)


# --- everything else is left to the full reader ---------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"{}",
        b"[]",
        b"null",
        b'{"code":105}',
        b'{"opaque":105}',
        b'{"code":"105","opaque":1}',
        b'{"code":105,"opaque":1.0}',
        b'{"code":105,"opaque":1e2}',
        b'{"code":105,"opaque":01}',
        b'{"code":105,"opaque":-0}',
        b'{"code":105,"opaque":+1}',
        b'{"code":105,"opaque":2147483648}',
        b'{"code":105,"opaque":-2147483649}',
        b'{"code":105,"opaque":12345678901}',
        b'{"code":105,"opaque":1,"flag":null}',
        b'{"code":105,"opaque":1,"version":"479"}',
        b'{"code":105,"opaque":true}',
        b'{"code":105,"code":105,"opaque":1}',
        b'{"code":105,"opaque":1,"language":14}',
        b'{"code":105,"opaque":1,"language":-1}',
        b'{"code":105,"opaque":1,"language":true}',
        b'{"code":105,"opaque":1,"remark":1}',
        b'{"code":105,"opaque":1,"remark":true}',
        b'{"code":105,"opaque":1,"extFields":[]}',
        b'{"code":105,"opaque":1,"extFields":"x"}',
        b'{"code":105,"opaque":1,"extFields":""}',
        b'{"code":105,"opaque":1,"extFields":true}',
        b'{"code":105,"opaque":1,"extFields":{"a":{}}}',
        b'{"code":105,"opaque":1,"extFields":{"a":[]}}',
        b'{"code":105,"opaque":1,"extFields":{"a":1.5}}',
        b'{"code":105,"opaque":1,"extFields":{"a":"1","a":"2"}}',
        b'{"code":105,"opaque":1,"extFields":{a:"1"}}',
        b'{"code":105,"opaque":1,"extFields":{0:"1"}}',
        b"{'code':105,\"opaque\":1}",
        b'{"code":105,"opaque":1,"other":{}}',
        b'{"code":105,"opaque":1,"other":"\\u0041"}',
        b'{"code":105,"opaque":1,"other":"\x7f"}',
        b'{"code":105,"opaque":1,"other":"\x1f"}',
        '{"code":105,"opaque":1,"other":"é"}'.encode(),
        b'{"code":105,"opaque":1,"other":"\xff"}',
        b'{"code":105,"opaque":1,}',
        b'{"code":105,,"opaque":1}',
        b'{"code":105,"opaque":1}{}',
        b'{"code":105,"opaque":1}\0',
        b'{"code":105,"opaque":1',
        b'{"code":105,"opaque":1,"extFields":{"a":"1"}',
        b'/**/{"code":105,"opaque":1}',
        b'\xef\xbb\xbf{"code":105,"opaque":1}',
    ],
)
def test_unusual_json_is_not_mine(hot: Any, header: bytes) -> None:
    assert hot.read_head(0, header) is None


def ext(*pairs: tuple[bytes, bytes]) -> bytes:
    return b"".join(
        struct.pack(">H", len(n)) + n + struct.pack(">I", len(v)) + v for n, v in pairs
    )


def binary(ext_fields: bytes, remark: bytes = b"", ext_length: int = -1) -> bytes:
    fixed = struct.pack(">hBhiiI", 105, 0, 479, 1, 0, len(remark))
    length = len(ext_fields) if ext_length < 0 else ext_length
    return fixed + remark + struct.pack(">I", length) + ext_fields


@pytest.mark.parametrize(
    "header",
    [
        b"",
        binary(b"")[:-1],
        binary(b"") + b"x",
        binary(b"", ext_length=1),
        binary(b"", ext_length=2**31),
        binary(b"", ext_length=2**32 - 1),
        struct.pack(">hBhiiI", 105, 0, 479, 1, 0, 2**32 - 1) + b"\0\0\0\0",
        struct.pack(">hBhiiI", 105, 0, 479, 1, 0, 1) + b"\0\0\0\0",
        binary(ext((b"", b"v"))),
        binary(ext((b"n", b""))),
        binary(ext((b"n", b"v"), (b"n", b"w"))),
        binary(ext((b"n", b"v"))[:-1]),
        binary(ext((b"n", b"v")) + b"\0"),
        binary(ext((b"n", b"v")) + b"\0\1n"),
        binary(ext((b"n", b"\x1f"))),
        binary(ext((b"n", b"\x7f"))),
        binary(ext((b"n", b"\xc3\xa9"))),
        binary(ext((b"\xff", b"v"))),
    ],
)
def test_unusual_binary_is_not_mine(hot: Any, header: bytes) -> None:
    assert hot.read_head(1, header) is None


def test_the_remark_of_a_binary_header_does_not_matter(hot: Any) -> None:
    head = read_both_ways(hot, 1, binary(ext((b"n", b"v")), b"\xff\0anything"))
    assert head.ext_fields == {"n": "v"}


def test_a_name_of_32768_bytes_has_a_negative_length(hot: Any) -> None:
    assert read_both_ways(hot, 1, binary(ext((b"n" * 0x7F00, b"v")))) is not None
    assert read_both_ways(hot, 1, binary(ext((b"n" * 0x8000, b"v")))) is None


def test_many_members_are_left_to_the_full_reader(hot: Any) -> None:
    most = {f"n{i}": "v" for i in range(MOST_HEAD_MEMBERS)}
    more = {**most, "more": "v"}
    for write, serialize_type in ((header_json, 0), (header_binary, 1)):
        head = read_both_ways(hot, serialize_type, write(105, most))
        assert head.ext_fields == most
        assert hot.read_head(serialize_type, write(105, more)) is None


def test_long_headers_are_left_to_the_full_reader(hot: Any) -> None:
    for write, serialize_type in ((header_json, 0), (header_binary, 1)):
        room = LONGEST_HOT_HEADER_BYTES - len(write(105, {"topic": ""}))
        if serialize_type == 1:
            assert read_both_ways(hot, 1, write(105, {"topic": "t" * room})) is not None
        assert read_both_ways(
            hot, serialize_type, write(105, {"topic": "t" * room})
        ).ext_fields == {"topic": "t" * room}
        longer = write(105, {"topic": "t" * (room + 1)})
        assert hot.read_head(serialize_type, longer) is None

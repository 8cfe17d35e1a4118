"""The quick reader of request headers, held against the full one."""

import json
import struct
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from namesrv.hot_path import LONGEST_HOT_HEADER_BYTES, MOST_HEAD_MEMBERS
from namesrv.wire.command import decode_command
from tests.routing.peer import header_binary, header_json

# Verbatim from clients, docs/protocol.md has the table. Name, header, topic.
CAPTURED = [
    (
        "go",
        '{"code":105,"language":"GO","version":317,"opaque":2,"flag":0,"remark":"",'
        '"extFields":{"topic":"TopicA"}}',
    ),
    (
        "cpp",
        '{"code":105,"extFields":{"AccessKey":"","OnsChannel":"ALIYUN",'
        '"Signature":"Sf55A+/q=","topic":"TopicA"},"flag":0,"language":"CPP",'
        '"opaque":0,"remark":"","version":333}\n',
    ),
    (
        "pypi rocketmq",
        '{"code":105,"extFields":{"AccessKey":"","OnsChannel":"ALIYUN",'
        '"Signature":"Sf55A+/q=","topic":"TopicA"},"flag":0,"language":"CPP",'
        '"opaque":0,"remark":"","version":63}\n',
    ),
    (
        "ali-ons",
        '{"code":105,"language":"JAVA","opaque":1,"flag":0,"version":121,'
        '"extFields":{"topic":"TopicA"}}',
    ),
    (
        "npm rocketmq",
        '{"code":105,"language":"JAVA","opaque":2,"flag":0,"version":78,"extFields":'
        '{"Signature":"Sf55A+/q=","AccessKey":"a","OnsChannel":"ALIYUN",'
        '"topic":"TopicA"}}',
    ),
    (
        "lua",
        '{"code":105,"language":"other","serializeTypeCurrentRPC":"JSON","remark":"",'
        '"extFields":{"topic":"TopicA"},"version":373,"opaque":1,"flag":0}',
    ),
    (
        "pyrocketmq",
        '{"code":105,"language":3,"version":1,"opaque":1751540078,"flag":0,'
        '"extFields":{"topic":"TopicA"}}',
    ),
    (
        "mqadmin",
        '{"code":105,"extFields":{"ReqT":"0","topic":"TopicA"},"flag":0,'
        '"language":"JAVA","opaque":0,"serializeTypeCurrentRPC":"JSON","version":479}',
    ),
    (
        "EventHorizon",
        '{"code":105,"languageCode":2,"version":317,"opaque":1,"flag":0,"remark":null,'
        '"extFields":{"topic":"TopicA","sysFlag":64,"logicalQueueIdsFilter":null}}',
    ),
    (
        "ex_rocketmq",
        '{"code":105,"language":5,"version":317,"opaque":0,"flag":0,"remark":"",'
        '"extFields":{"topic":"TopicA"}}',
    ),
    (
        "NewLife",
        '{"code":105,"language":"DOTNET","version":407,"opaque":7,"flag":0,'
        '"remark":"GET_ROUTEINTO_BY_TOPIC","serializeTypeCurrentRPC":"JSON",'
        '"extFields":{"topic":"TopicA"}}',
    ),
    (
        "go with blanks and a negative opaque",
        '{ "code" : 105,\r\n\t"opaque": -5, "version":317, "flag":0, '
        '"extFields": { "topic" : "TopicA" } }\n',
    ),
]
OTHER_CAPTURED = [
    '{"code":206,"language":"GO","version":317,"opaque":1,"flag":0,"remark":"",'
    '"extFields":{}}',
    '{"code":319,"language":"GO","version":317,"opaque":17,"flag":0,"remark":"",'
    '"extFields":null}',
    '{"code":106,"flag":0,"language":"JAVA","opaque":0,'
    '"serializeTypeCurrentRPC":"JSON","version":479}',
    '{"code":103,"extFields":{"brokerId":"0","bodyCrc32":"349566579",'
    '"clusterName":"c","brokerAddr":"10.0.0.1:10911","haServerAddr":"10.0.0.1:10912",'
    '"compressed":"false","brokerName":"b"},"flag":0,"language":"JAVA","opaque":0,'
    '"serializeTypeCurrentRPC":"JSON","version":409}',
]
LUA_BINARY = bytes.fromhex(
    "0069 07 018f 00000006 00000000 00000000 00000011 0005 746f706963"
    "00000006 546f70696341"
)
ZJYKZK_BINARY = bytes.fromhex(
    "0069 09 00fc 00000002 00000000 00000000 00000011 0005 746f706963"
    "00000006 546f70696341"
)
ZJYKZK_CLUSTER = bytes.fromhex("006a 09 00fc 00000003 00000000 00000000 00000000")
RUST_BINARY = bytes.fromhex(
    "0069 07 013d 7fffffff 00000000 00000000 00000011 0005 746f706963"
    "00000006 546f70696341"
)


def read_both_ways(hot: Any, serialize_type: int, header: bytes) -> Any:
    """What the quick reader says; if it says anything, the full one says the same."""
    head = hot.read_head(serialize_type, header)
    if head is not None:
        command = decode_command(serialize_type, header, None)
        assert (head.code, head.version, head.opaque, head.flag) == (
            command.code,
            command.version,
            command.opaque,
            command.flag,
        )
        assert head.ext_fields == command.ext_fields
        if head.ext_fields is not None:
            assert {type(v) for v in head.ext_fields.values()} <= {str, type(None)}
    return head


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


# --- generated headers ----------------------------------------------------------------

blanks = st.text(" \t\r\n", max_size=2)
words = st.sampled_from(["topic", "clusterName", "brokerAddr", "x", "", "a b", "~!"])
strings = st.one_of(words, st.text(st.characters(codec="ascii"), max_size=6)).map(
    lambda text: json.dumps(text)
)
numbers = st.one_of(
    st.integers(-(2**31), 2**31 - 1).map(str),
    st.sampled_from(["0", "105", "103", "2147483648", "-2147483648", "9999999999"]),
    st.sampled_from(["-0", "00", "1.0", "1e1", "12345678901", "+1", "1L"]),
)
scalars = st.one_of(strings, numbers, st.sampled_from(["null", "true", "false"]))


@st.composite
def objects(draw: st.DrawFn, members: Any) -> str:
    drawn = draw(members)
    if draw(st.booleans()):
        drawn = draw(st.permutations(drawn))
    gap = blanks if draw(st.booleans()) else st.just("")
    written = [
        f"{draw(gap)}{name}{draw(gap)}:{draw(gap)}{value}{draw(gap)}"
        for name, value in drawn
    ]
    return f"{draw(gap)}{{{','.join(written) or draw(gap)}}}{draw(gap)}"


ext_objects = objects(st.lists(st.tuples(strings, scalars), max_size=4))
usual_members = st.tuples(
    st.tuples(st.just('"code"'), st.one_of(st.sampled_from(["105", "103"]), numbers)),
    st.tuples(st.just('"opaque"'), numbers),
    st.tuples(st.just('"version"'), st.one_of(numbers, scalars)),
    st.tuples(st.just('"flag"'), st.one_of(st.sampled_from(["0", "1", "2"]), numbers)),
    st.tuples(st.just('"language"'), st.one_of(strings, st.just("3"), scalars)),
    st.tuples(st.just('"remark"'), st.one_of(strings, scalars)),
    st.tuples(st.just('"extFields"'), st.one_of(ext_objects, ext_objects, scalars)),
)
some_members = st.one_of(
    usual_members.map(list),
    usual_members.flatmap(lambda usual: st.lists(st.sampled_from(usual), max_size=9)),
    st.tuples(usual_members, st.tuples(strings, scalars)).map(lambda p: [*p[0], p[1]]),
)
json_headers = objects(some_members).map(lambda text: text.encode())
PIECES = [b'"', b",", b"{", b"}", b":", b"\\", b"0", b"-", b"\0", b"\xff", b"n", b" "]
edits = st.lists(
    st.tuples(
        st.integers(0, 300),
        st.integers(0, 2),
        st.one_of(st.sampled_from(PIECES), st.binary(max_size=2)),
    ),
    max_size=3,
)


def edited(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for place, removed, inserted in changes:
        at = place % (len(data) + 1)
        data = data[:at] + inserted + data[at + removed :]
    return data


@given(json_headers)
def test_whatever_json_is_read_reads_the_same_in_full(hot: Any, header: bytes) -> None:
    read_both_ways(hot, 0, header)


@given(json_headers, edits)
def test_whatever_edited_json_is_read_reads_the_same_in_full(
    hot: Any, header: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    read_both_ways(hot, 0, edited(header, changes))


@given(st.sampled_from([header.encode() for _, header in CAPTURED]), edits)
def test_whatever_edited_capture_is_read_reads_the_same_in_full(
    hot: Any, header: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    read_both_ways(hot, 0, edited(header, changes))


plain = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
texts = st.one_of(plain, st.text(max_size=3))
int32 = st.integers(-(2**31), 2**31 - 1)
short = st.integers(-(2**15), 2**15 - 1)
binary_headers = st.builds(
    lambda code, ext_fields, opaque, version, flag: header_binary(
        code, ext_fields, opaque=opaque, version=version, flag=flag
    ),
    short,
    st.none() | st.dictionaries(texts, texts, max_size=4),
    int32,
    short,
    int32,
)


@given(binary_headers)
def test_whatever_binary_is_read_reads_the_same_in_full(
    hot: Any, header: bytes
) -> None:
    read_both_ways(hot, 1, header)


@given(st.one_of(binary_headers, st.just(LUA_BINARY)), edits)
@example(LUA_BINARY, [(21, 2, b"\xff\xfb")])
def test_whatever_edited_binary_is_read_reads_the_same_in_full(
    hot: Any, header: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    read_both_ways(hot, 1, edited(header, changes))


@given(
    st.dictionaries(plain.filter(lambda t: not set(t) & set('"\\')), plain, max_size=4),
    short,
    short,
    int32,
    int32,
)
def test_plain_requests_are_hot_in_both_encodings(
    hot: Any,
    ext_fields: dict[str, str],
    code: int,
    version: int,
    opaque: int,
    flag: int,
) -> None:
    ext_fields = {
        n: v for n, v in ext_fields.items() if n and v and not set(v) & set('"\\')
    }
    head = hot.read_head(
        0, header_json(code, ext_fields, opaque=opaque, version=version, flag=flag)
    )
    assert head is not None
    other = hot.read_head(
        1, header_binary(code, ext_fields, opaque=opaque, version=version, flag=flag)
    )
    assert other is not None
    assert (other.code, other.version, other.opaque, other.flag) == (
        (head.code, head.version, head.opaque, head.flag)
    )
    assert (other.ext_fields or {}) == head.ext_fields == ext_fields

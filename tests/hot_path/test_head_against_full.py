"""Generated headers: whatever the quick reader takes reads the same in full."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from namesrv.testing.peer import header_binary, header_json
from tests.hot_path.captured_headers import CAPTURED, LUA_BINARY, read_both_ways

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

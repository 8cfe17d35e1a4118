"""Request headers: whole ones from the forms that peers use, and the same with a token
or a length changed, so that about half of them are for the hot path."""

import struct
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from namesrv.hot_path import LONGEST_HOT_HEADER_BYTES

NAMES = [
    *("topic", "brokerAddr", "clusterName", "__ZONE_MODE", "acceptStandardJsonOnly"),
    *("topiC", "Topic", "topics", "brokerName", "brokerAddrs", "bodyCrc32", "brokerId"),
    *("extFields", "code", "__ZONE_NAME", "AcceptStandardJsonOnly"),
]
PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=6)
PLAIN_NAMES = st.one_of(st.sampled_from(NAMES), st.sampled_from(NAMES), PLAIN)
EDIT_PLACES = st.integers(0, 120)
EDIT_KINDS = st.sampled_from(["replace", "replace", "insert", "repeat", "delete"])

# --- JSON -----------------------------------------------------------------------------

GAPS = st.sampled_from(["", "", "", " ", "\t", "\r\n ", "\n"])
CODES = st.sampled_from(["105", "103", "322", "904", "0", "2147483647", "-2147483648"])
INTS = st.one_of(CODES, st.integers(-(2**31), 2**31 - 1).map(str))
STRINGS = PLAIN.map(lambda text: f'"{text.replace(chr(34), "").replace(chr(92), "")}"')
EXT_NAMES = st.one_of(st.sampled_from(NAMES).map(lambda name: f'"{name}"'), STRINGS)
LARGE = st.sampled_from(["2147483648", "9999999999", "-9999999999"])
SCALARS = st.one_of(
    STRINGS, STRINGS, INTS, LARGE, st.sampled_from(["null", "true", "false"])
)
LANGUAGES = st.sampled_from(['"JAVA"', '"other"', '""', "null", "0", "13"])
REMARKS = st.sampled_from(['""', "null", '"a remark"'])
PIECES = st.sampled_from(
    [
        *(
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            '"',
            "'",
            "\\",
            "/**/",
            ";",
            "\0",
            "\f",
            "\xa0",
        ),
        *(" ", "\t", "\n", "\r", "{}", "[]", '{"a":1}', '{"a":{}}', '["a"]', "''"),
        *("-0", "00", "01", "-01", "+1", "-", "1.0", "1e1", "1L", "0x1", ".5", "1_0"),
        *("2147483648", "-2147483649", "9999999999", "10000000000", "-12345678901"),
        *("null", "true", "false", "nul", "nullx", "True", "14", "-1", "99", "9" * 25),
        *('"\\n"', '"\\u0041"', '"\\""', '"\x1f"', '"\x7f"', '"\0"', '"\t"', '"a'),
        *('"é"', '"€"', '"\ud800"', "é", "topic", "'topic'", '"topic"', '"extFields"'),
        *('"code"', '"opaque"', '"n0"', "//", "#", "\ufeff", "NaN", "undefined"),
    ]
)
EDITS = st.lists(st.tuples(EDIT_PLACES, EDIT_KINDS, PIECES), max_size=2)


def tokens_of(members: list[tuple[str, Any]]) -> list[str]:
    """An object as tokens; a value is a token or the tokens of an object."""
    tokens = ["{"]
    for name, value in members:
        tokens += [name, ":", *([value] if isinstance(value, str) else value), ","]
    if members:
        tokens.pop()
    return [*tokens, "}"]


@st.composite
def ext_members(draw: st.DrawFn) -> list[tuple[str, str]]:
    """extFields with different names; sometimes as many as an object may have."""
    pairs = st.tuples(EXT_NAMES, SCALARS)
    drawn = draw(st.lists(pairs, max_size=4, unique_by=lambda pair: pair[0]))
    if draw(st.integers(0, 9)) == 5:
        fill = draw(st.integers(31, 33)) - len(drawn)
        drawn = [(f'"n{i}"', "1") for i in range(fill)] + drawn
    return drawn


@st.composite
def json_tokens(draw: st.DrawFn) -> list[str]:
    """A header that is readable, as tokens."""
    members: list[tuple[str, Any]] = [
        ('"code"', draw(CODES)),
        ('"opaque"', draw(INTS)),
        ('"extFields"', tokens_of(draw(ext_members()))),
        ('"version"', draw(st.sampled_from(["317", "479", "400", "401"]))),
        ('"flag"', draw(st.sampled_from(["0", "1", "2", "3", "-1"]))),
        ('"language"', draw(LANGUAGES)),
        ('"remark"', draw(REMARKS)),
        ('"other"', draw(SCALARS)),
    ]
    members = members[: draw(st.integers(2, len(members)))]
    if draw(st.integers(0, 9)) == 5:
        fill = draw(st.integers(31, 33)) - len(members)
        members = [(f'"n{i}"', "1") for i in range(fill)] + members
    first = draw(st.integers(0, len(members) - 1))
    return tokens_of(members[first:] + members[:first])


@st.composite
def json_headers(draw: st.DrawFn) -> bytes:
    """The same with up to two tokens changed."""
    tokens = draw(json_tokens())
    for place, kind, piece in draw(EDITS):
        at = place % (len(tokens) + 1)
        if kind == "repeat":
            tokens[at:at] = tokens[max(0, at - 4) : at]  # a whole member, with luck
        else:
            tokens[at : at + (kind != "insert")] = [] if kind == "delete" else [piece]
    text = draw(GAPS).join(["", *tokens, ""])
    return text.encode("utf-8", "surrogatepass")


# --- binary ---------------------------------------------------------------------------

TEXT_BYTES = st.one_of(
    PLAIN_NAMES.filter(bool).map(str.encode), st.sampled_from([b'"', b"\\", b'a"b'])
)
ODD_BYTES = st.sampled_from([b"", b"\x1f", b"\x7f", b"\xc3\xa9", b"\xff", b"\0", b"\n"])
LENGTH_CHANGES = st.sampled_from(
    [-5, -1, 1, 2, 4, 255, 2**15, 2**16 - 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1]
)
BINARY_EDITS = st.lists(
    st.tuples(EDIT_PLACES, st.one_of(LENGTH_CHANGES, LENGTH_CHANGES, ODD_BYTES)),
    max_size=2,
)
INT32 = st.one_of(st.integers(0, 3), st.integers(-(2**31), 2**31 - 1))
SHORTS = st.one_of(
    st.sampled_from([103, 105, 322, 904]), st.integers(-(2**15), 2**15 - 1)
)


def binary_header(
    fixed: tuple[int, ...],
    remark: bytes,
    texts: list[bytes],
    changes: Sequence[tuple[int, Any]] = (),
) -> bytes:
    """A ROCKETMQ header; a change is (which text, its length's change or its new
    bytes), counting the remark and all of extFields as the last two texts."""
    texts = list(texts)
    lengths = [0] * (len(texts) + 2)
    for place, change in changes:
        at = place % len(lengths)
        if isinstance(change, int):
            lengths[at] = change
        elif at < len(texts):
            texts[at] = change
    ext = b""
    for at, text in enumerate(texts):
        size = 2 if at % 2 == 0 else 4
        length = len(text) + lengths[at] & (1 << 8 * size) - 1
        ext += length.to_bytes(size) + text
    remark_length = len(remark) + lengths[-2] & 0xFFFFFFFF
    ext_length = len(ext) + lengths[-1] & 0xFFFFFFFF
    return b"".join(
        (
            struct.pack(">hBhii", *fixed),
            struct.pack(">I", remark_length),
            remark,
            struct.pack(">I", ext_length),
            ext,
        )
    )


@st.composite
def binary_headers(draw: st.DrawFn) -> bytes:
    """A header that is readable, with up to two texts or lengths changed."""
    numbers = (SHORTS, st.integers(0, 255), SHORTS, INT32, INT32)
    fixed = tuple(draw(number) for number in numbers)
    pairs = draw(
        st.lists(
            st.tuples(TEXT_BYTES, TEXT_BYTES),
            max_size=4,
            unique_by=lambda pair: pair[0],
        )
    )
    texts = [text for pair in pairs for text in pair]
    shape = draw(st.integers(0, 19))
    if shape < 3:
        texts = [b"n%d" % (i // 2) for i in range(2 * (31 + shape))] + texts[:2]
    elif shape == 3:
        texts += texts[:2]
    remark = draw(st.sampled_from([b"", b"", b"r", b"\xff\0remark"]))
    header = binary_header(fixed, remark, texts, draw(BINARY_EDITS))
    end = draw(st.sampled_from([0] * 8 + [-1, -4, 1, 4]))
    return header[:end] if end < 0 else header + bytes(end)


@st.composite
def long_headers(draw: st.DrawFn) -> tuple[int, bytes]:
    """(serialize type, header) of a length around the longest that is read."""
    length = LONGEST_HOT_HEADER_BYTES + draw(st.sampled_from([-1, 0, 1, 2, 40, 40_000]))
    if draw(st.booleans()):
        start, end = b'{"code":1,"opaque":1,"x":"', b'"}'
        return 0, start + b"a" * (length - len(start) - len(end)) + end
    room = length - 13 - 4 - 4 - 2 - 4
    name_length = draw(st.sampled_from([room - 1, 1, 2**15 - 1, 2**15, 2**16 - 1]))
    name_length = max(1, min(name_length, room - 1, 2**16 - 1))
    texts = [b"n" * name_length, b"v" * (room - name_length)]
    return 1, binary_header((1, 0, 1, 1, 1), b"", texts)


HEADERS = st.one_of(
    st.tuples(st.just(0), json_headers()), st.tuples(st.just(1), binary_headers())
)


def cut_anywhere(headers: Any) -> Any:
    """Headers that may end too early."""
    return st.tuples(headers, st.integers(0, 300)).map(lambda pair: pair[0][: pair[1]])

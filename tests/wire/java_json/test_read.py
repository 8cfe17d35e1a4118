"""The two JSON readers held together, and the writer."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from namesrv.errors import JsonInvalid
from namesrv.wire.java_json.lenient import MAX_DEPTH, LenientReader
from namesrv.wire.java_json.read import _read_strict, read_json
from namesrv.wire.java_json.values import JsonValue, Number, to_text
from namesrv.wire.java_json.write import write_int_keys, write_string

untimed = settings(deadline=None)


def read(text: str) -> JsonValue:
    return read_json(text.encode())


def typed(value: JsonValue) -> Any:
    """The value with every type spelled out, so that Number and str differ."""
    if isinstance(value, dict):
        return [(type(name), name, typed(member)) for name, member in value.items()]
    if isinstance(value, list):
        return list(map(typed, value))
    return type(value), value


def nested(depth: int, opening: str = "[", closing: str = "]", core: str = "") -> str:
    return opening * depth + core + closing * depth


# --- the two readers ------------------------------------------------------------------

numbers = st.from_regex(
    r"-?(0|[1-9][0-9]{0,5})(\.[0-9]{1,4})?(e[+-]?[0-9])?", fullmatch=True
)
texts = st.text(st.characters(codec="utf-8"), max_size=8)
leaves = st.none() | st.booleans() | numbers.map(Number) | texts
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4)
    ),
    max_leaves=20,
)
fragments = st.lists(
    st.sampled_from(
        [
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            '"',
            "'",
            "\\",
            "a",
            "0",
            "1L",
            "-",
            ".",
            "e",
            " ",
        ]
        + [
            "null",
            "true",
            '"a"',
            "'b'",
            '"a":',
            "0:",
            "/",
            "*",
            "\n",
            "\0",
            "\\u00",
            "Set[",
        ]
        + ["NaN", "Infinity", "{}", "[]", "中", '\\"', "\\\\", "\ud83d", "\ud83d\ude00"]
    ),
    max_size=24,
).map("".join)


def write(value: JsonValue) -> str:
    """Standard JSON, with Python's escapes."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        members = (f"{json.dumps(name)}: {write(each)}" for name, each in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + " , ".join(map(write, value)) + "]"
    return json.dumps(value)


def outcome(text: str, strictly: bool) -> Any:
    try:
        if strictly:
            return typed(_read_strict(text))
        return typed(LenientReader(text).read())
    except (ValueError, RecursionError, JsonInvalid):
        return "refused"


@untimed
@given(values)
def test_standard_json_reads_back(value: JsonValue) -> None:
    text = write(value)
    assert typed(read(text)) == typed(value)
    assert outcome(text, strictly=False) == typed(value)


@untimed
@given(values.map(write) | fragments)
@example('{"a":[[]],"a":1}')
@example("[NaN]")
@example("[-Infinity]")
@example(r'"\ud83d\ude00\ud83d"')
@example('["\x00\x1f"]')
@example(nested(MAX_DEPTH))
@example(nested(MAX_DEPTH + 1))
@example(nested(900))
@example("01")
@example("1.")
@example("-")
@example("٥")
@example(" 1 ")
@example("\xa01")
def test_lenient_reader_reads_strict_json_as_the_strict_reader_does(text: str) -> None:
    strict = outcome(text, strictly=True)
    if strict != "refused":
        assert outcome(text, strictly=False) == strict


@untimed
@given(st.binary(max_size=40) | fragments.map(lambda t: t.encode("utf-8", "replace")))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        value = read_json(data)
    except JsonInvalid:
        return
    to_text(value)


@untimed
@given(values)
def test_single_quotes_and_blanks_change_nothing(value: JsonValue) -> None:
    def lenient(value: JsonValue) -> str:
        if isinstance(value, dict):
            members = (
                f"{lenient(name)}\f:{lenient(each)}" for name, each in value.items()
            )
            return "{" + "/*c*/,".join([*members, ""]) + "}"
        if isinstance(value, list):
            return "[" + ",//c\n".join(map(lenient, value)) + "\b]"
        if isinstance(value, str) and not isinstance(value, Number):
            return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        return write(value)

    text = lenient(value).replace("{/*c*/,", "{")
    assert typed(read(text)) == typed(value)


# --- writing --------------------------------------------------------------------------


class TestWriting:
    @pytest.mark.parametrize(
        ("text", "written"),
        [
            ("", '""'),
            ("broker-a", '"broker-a"'),
            ('"\\/', '"\\"\\\\/"'),
            ("\b\f\n\r\t", '"\\b\\f\\n\\r\\t"'),
            ("\0\x01\x0b\x1f", '"\\u0000\\u0001\\u000b\\u001f"'),
            ("\x7f\x80\x9f\u2028\u2029'<>&", '"\x7f\x80\x9f\u2028\u2029\'<>&"'),
            ("é中😀", '"é中😀"'),
            ("a\ud83db\ude00", '"a?b?"'),
        ],
    )
    def test_strings(self, text: str, written: str) -> None:
        assert write_string(text) == written

    @untimed
    @given(texts)
    def test_strings_read_back(self, text: str) -> None:
        assert json.loads(write_string(text)) == text
        assert read(write_string(text)) == text
        assert LenientReader(write_string(text)).read() == text

    def test_numeric_keys_bare_and_quoted(self) -> None:
        items = [(0, '"a"'), (1, "2"), (-1, "{}")]
        assert write_int_keys(items, quoted=False) == '{0:"a",1:2,-1:{}}'
        assert write_int_keys(items, quoted=True) == '{"0":"a","1":2,"-1":{}}'
        assert write_int_keys([], quoted=True) == "{}"

    @untimed
    @given(st.dictionaries(st.integers(-(2**63), 2**63 - 1), texts, max_size=5))
    def test_both_forms_of_numeric_keys_read_the_same(
        self, table: dict[int, str]
    ) -> None:
        written = [(key, write_string(text)) for key, text in table.items()]
        bare = read(write_int_keys(written, quoted=False))
        assert bare == read(write_int_keys(written, quoted=True))
        assert bare == {str(key): text for key, text in table.items()}

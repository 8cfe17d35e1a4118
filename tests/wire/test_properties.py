"""The Java .properties format; expectations were held against java.util.Properties."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namesrv.errors import PropertiesInvalid
from namesrv.wire.java_json.surrogates import join_surrogates
from namesrv.wire.properties import Property, read_properties, write_properties

untimed = settings(deadline=None)


def pairs(text: str) -> list[tuple[str, str]]:
    return [(entry.key, entry.value) for entry in read_properties(text)]


class TestReading:
    @pytest.mark.parametrize(
        "text",
        [
            "key=value",
            "key=value\n",
            "key:value",
            "key value",
            "key\tvalue",
            "key\fvalue",
            "key = value",
            "key : value",
            "  \t\fkey  =  value",
            "\n\n  \n# no\n! no\n  # no\r\nkey=value\r",
            "key=\\\nvalue",
            "key=va\\\r\n  lue",
            "ke\\\r\ty=va\\\n  \tlue",
            "\\\nkey=value",
            "k\\ey=v\\alue",
            "\\u006bey=\\u0076alue",
            "key=value\\",
            "key=value\\\n",
            "key=value\n\\",
        ],
    )
    def test_forms_of_one_entry(self, text: str) -> None:
        assert pairs(text) == [("key", "value")]

    @pytest.mark.parametrize(
        ("text", "key", "value"),
        [
            ("key", "key", ""),
            ("key=", "key", ""),
            ("key:  ", "key", ""),
            ("=value", "", "value"),
            ("key=value  ", "key", "value  "),
            ("key==value", "key", "=value"),
            ("key = = value", "key", "= value"),
            ("key=a # b", "key", "a # b"),
            ("a\\ b\\=c\\:d\\\\ = \\ x", "a b=c:d\\", " x"),
            ("key=\\t\\n\\r\\f\\q\\#\\\\", "key", "\t\n\r\fq#\\"),
            ("key=\\ud83d\\ude00\\ud83d", "key", "😀\ud83d"),
            ("key=C:\\\\dir", "key", "C:\\dir"),
            ("key=a\x0bb\x85c\u2028d\x1ce", "key", "a\x0bb\x85c\u2028d\x1ce"),
            ("key=a\\\n#b", "key", "a#b"),
            ("key=a\\\n\nother", "key", "a"),
            ("key=é中", "key", "é中"),
        ],
    )
    def test_the_first_entry(self, text: str, key: str, value: str) -> None:
        assert pairs(text)[0] == (key, value)

    def test_a_comment_has_no_continuation(self) -> None:
        assert pairs("# a\\\nkey=value") == [("key", "value")]

    def test_nothing(self) -> None:
        for text in ("", "\n", " \t\f\r\n", "# only\n! this", "\\", "\\\n"):
            assert pairs(text) == []

    def test_entries_keep_order_repeats_and_lines(self) -> None:
        text = "# first\na=1\r\n\r\nb=\\\n  2\rc\na=3"
        assert read_properties(text) == [
            Property("a", "1", 2),
            Property("b", "2", 4),
            Property("c", "", 6),
            Property("a", "3", 7),
        ]

    @pytest.mark.parametrize(
        "escape", ["\\u", "\\u12", "\\u12g4", "\\u+123", "\\u１２３４"]
    )
    def test_a_malformed_escape_names_its_line(self, escape: str) -> None:
        for entry in (f"key={escape}", f"{escape}=value"):
            with pytest.raises(PropertiesInvalid) as caught:
                read_properties(f"a=1\n\n{entry}\n")
            assert caught.value.line == 3
            assert "hexadecimal" in str(caught.value)

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "text",
        [
            "\\" * 2**20,
            "a\\\n" * 2**18,
            "\\=" * 2**19 + "=value",
            "key" + " " * 2**20 + "=" + " " * 2**20,
            "\n" * 2**20,
            "#" * 2**20,
        ],
        ids=lambda text: repr(text[:6]),
    )
    def test_large_properties_are_read(self, text: str) -> None:
        assert len(read_properties(text)) <= 1


class TestWriting:
    def test_one_line_each_in_the_order_given(self) -> None:
        assert write_properties([("b", "1"), ("a", "")]) == "b=1\na=\n"
        assert write_properties([]) == ""

    @pytest.mark.parametrize(
        ("key", "value", "line"),
        [
            ("a b", "c d", "a\\ b=c d"),
            ("a", "  b ", "a=\\  b "),
            ("=:#!", "=:#!", "\\=\\:\\#\\!=\\=\\:\\#\\!"),
            ("a", "\\\t\n\r\f", "a=\\\\\\t\\n\\r\\f"),
            ("é", "中😀\x00\x7f", "\\u00E9=\\u4E2D\\uD83D\\uDE00\\u0000\\u007F"),
            ("", "", "="),
        ],
    )
    def test_escapes_are_those_of_java(self, key: str, value: str, line: str) -> None:
        assert write_properties([(key, value)]) == line + "\n"

    @untimed
    @given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
    def test_written_properties_survive_a_round_trip(
        self, items: list[tuple[str, str]]
    ) -> None:
        text = write_properties(items)
        assert text.isascii()
        assert pairs(text) == items

    @untimed
    @given(st.text(st.characters(), max_size=10))
    def test_surrogates_read_back_as_java_sees_them(self, value: str) -> None:
        read_back = pairs(write_properties([("key", value)]))
        assert read_back == [("key", join_surrogates(value))]


@untimed
@given(st.text(st.sampled_from("ab=: \t\f\\\n\r#!u0041中"), max_size=30))
def test_any_text_is_read_or_refused_and_reads_back(text: str) -> None:
    try:
        items = pairs(text)
    except PropertiesInvalid:
        return
    assert pairs(write_properties(items)) == items

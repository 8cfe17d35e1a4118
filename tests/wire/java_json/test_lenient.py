"""What the lenient reader reads and refuses, through `read_json`."""

from typing import Any

import pytest

from namesrv.errors import JsonInvalid
from namesrv.wire.java_json.lenient import MAX_DEPTH
from namesrv.wire.java_json.read import MOST_VALUES, read_json
from namesrv.wire.java_json.values import JsonValue, Number, to_int

MEBIBYTE = 2**20


def read(text: str) -> JsonValue:
    return read_json(text.encode())


def typed(value: JsonValue) -> Any:
    """The value with every type spelled out, so that Number and str differ."""
    if isinstance(value, dict):
        return [(type(name), name, typed(member)) for name, member in value.items()]
    if isinstance(value, list):
        return list(map(typed, value))
    return type(value), value


class TestWhatStandardJsonHas:
    def test_every_kind_of_value(self) -> None:
        text = '{"a":[1,-2.50,true,false,null,"x",{}],"b":{"c":[]}}'
        assert read(text) == {
            "a": [Number("1"), Number("-2.50"), True, False, None, "x", {}],
            "b": {"c": []},
        }

    def test_a_number_keeps_its_source_text(self) -> None:
        for lexeme in ("0", "-0", "1.50", "1e3", "12345678901234567890", "0.0000001"):
            value = read(lexeme)
            assert type(value) is Number
            assert value == lexeme

    def test_text_is_no_number(self) -> None:
        assert type(read('"5"')) is str

    def test_characters_beyond_ascii_stay(self) -> None:
        assert read('{"é":"中😀\u2028\x7f"}') == {"é": "中😀\u2028\x7f"}

    def test_the_halves_of_one_character_are_joined(self) -> None:
        assert read(r'"\ud83d\ude00"') == "😀"
        assert read(r"'\ud83d\ude00'") == "😀"

    def test_a_lone_half_stays(self) -> None:
        assert read(r'"\ud83d\ud83d\ude00"') == "\ud83d😀"
        assert read(r"'\ude00\ud83d'") == "\ude00\ud83d"


class TestWhatJavaReadsBesides:
    @pytest.mark.parametrize(
        "text", ["", " ", " \t\r\n\f\b", "\0\0", "null", " null\n"]
    )
    def test_nothing_and_null_are_none(self, text: str) -> None:
        assert read(text) is None

    @pytest.mark.parametrize(
        "text",
        [
            '  {"a":1}',
            '{"a":1}\n',
            '{"a":1}\0',
            '{"a":1}  \n\t\0\0',
            '{ "a"\t:\r\n1\f}\b',
            "{'a':1}",
            '{"a":1,}',
            '{"a":1 , }',
            '{"a":0,"a":1}',
            "{'a':0,\"a\":1}",
            '{"a":{"b":2},"a":1}',
            '{/*c*/"a":1}',
            '{"a":1}//c',
            '{"a"/*c*/:/*c*/1/*c*/}/*c*/',
            '//c\n{//c\n"a":1//c\n}',
            '{/*//*/"a":1}',
            r'{"\x61":1}',
            '{"a":1L}',
        ],
    )
    def test_forms_of_one_object(self, text: str) -> None:
        assert read(text) == {"a": Number("1")}

    @pytest.mark.parametrize("text", ["[1,2]", "[1,2,]", "Set[1,2]", "[ 1 , 2 ]"])
    def test_forms_of_one_array(self, text: str) -> None:
        assert read(text) == [Number("1"), Number("2")]

    def test_empty_containers(self) -> None:
        assert read("[ {}, [ ] , { /**/ } ,[],]") == [{}, [], {}, []]

    def test_an_empty_name(self) -> None:
        assert read('{"":1,\'\':2,"a":3}') == {"": "2", "a": "3"}

    def test_bare_numbers_as_names(self) -> None:
        value = read("{ 0 : 'x', 1L:\"y\", -1:3, 12:{0:0},}")
        assert value == {"0": "x", "1": "y", "-1": "3", "12": {"0": "0"}}
        assert isinstance(value, dict)
        assert {type(name) for name in value} == {Number}

    def test_of_bare_and_quoted_names_the_last_wins(self) -> None:
        assert read('{0:1,"0":2}') == {"0": "2"}
        assert read("{0:0,0:7}") == {"0": "7"}

    @pytest.mark.parametrize(
        ("lexeme", "kept"),
        [
            ("+5", "+5"),
            ("0206", "0206"),
            ("206L", "206"),
            ("5.", "5."),
            ("-1E+2", "-1E+2"),
        ],
    )
    def test_more_numbers(self, lexeme: str, kept: str) -> None:
        assert typed(read(f"[{lexeme}]")) == [(Number, kept)]

    @pytest.mark.parametrize("quote", ['"', "'"])
    def test_every_escape(self, quote: str) -> None:
        escapes = r"\"\\\/\b\f\n\r\t\v\'\u4e2D\x41\xfF\0\1\2\3\4\5\6\7\12"
        text = "\"\\/\b\f\n\r\t\v'中A\xff\0\1\2\3\4\5\6\7\x012"
        assert read(f"[{quote}{escapes}{quote}]") == [text]

    @pytest.mark.parametrize("quote", ['"', "'"])
    def test_control_characters_in_strings(self, quote: str) -> None:
        text = "".join(map(chr, range(0x20))) + "\x7f"
        assert read(f"{{{quote}{text}{quote}:{quote}{text}{quote}}}") == {text: text}

    def test_the_other_quote_needs_no_escape(self) -> None:
        assert read("""["'",'"']""") == ["'", '"']

    def test_what_real_clients_send(self) -> None:
        text = (
            '{"code":105,"extFields":{"AccessKey":"","Signature":"Sf55A+=","topic":"T"},'
            '"flag":0,"language":"CPP","opaque":0,"remark":"","version":333}\n'
        )
        value = read(text)
        assert isinstance(value, dict)
        assert value["extFields"] == {
            "AccessKey": "",
            "Signature": "Sf55A+=",
            "topic": "T",
        }
        assert value["opaque"] == "0"


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("text", "position"),
        [
            ("{", 1),
            ("[", 1),
            ("[1,", 3),
            ('{"a":1', 6),
            ('{"a":1,', 7),
            ('{"a":', 5),
            ('{"a"', 4),
            ('{"a"}', 4),
            ('{"a" 1}', 5),
            ('{"a":}', 5),
            ('{"a":,"b":1}', 5),
            ('{"a":1 "b":2}', 7),
            ('{"a":1;"b":2}', 6),
            ('{"a":1,,}', 7),
            ('{,"a":1}', 1),
            ("[,]", 1),
            ("[1,,2]", 3),
            ("[1}", 2),
            ('{"a":1]', 6),
            ("}", 0),
            ("]", 0),
            (",", 0),
            ("{}x", 2),
            ("{}{}", 2),
            ("{} x", 3),
            ("1 2", 2),
            ("1,2", 1),
            ("[]]", 2),
            ("{\0}", 1),
            ("{}\0x", 2),
            ("nul", 0),
            ("nullx", 4),
            ("True", 0),
            ("abc", 0),
            ("{a:1}", 1),
            ("{null:1}", 1),
            ("{1.5:1}", 2),
            ("{0x1:1}", 2),
            ("[0x10]", 2),
            ("[.5]", 1),
            ("[-]", 1),
            ("[1e]", 2),
            ("[5LL]", 3),
            ("[٥]", 1),
            ("[NaN]", 1),
            ("[Infinity]", 1),
            ("[-Infinity]", 1),
            ("[undefined]", 1),
            ("[new Date(5)]", 1),
            ("[x'41']", 1),
            ("Set", 0),
            ('"abc', 0),
            ("'abc", 0),
            ("\"abc'", 0),
            ('"abc\\"', 0),
            ('"', 0),
            ("'", 0),
            (r'"a\qb"', 2),
            (r'"\u12"', 1),
            (r'"\u+123"', 1),
            (r'"\u١٢٣٤"', 1),
            (r'"\x1"', 1),
            (r'"\8"', 1),
            ('"\\\n"', 1),
            ("/", 0),
            ("[/]", 1),
            ("[/*]", 1),
            ("[/*/]", 1),
            ("{}/", 2),
            ("\ufeff{}", 0),
            ("\xa0{}", 0),
            ("GET / HTTP/1.1\r\n\r\n", 0),
        ],
    )
    def test_text_and_where_it_goes_wrong(self, text: str, position: int) -> None:
        with pytest.raises(JsonInvalid) as caught:
            read(text)
        assert caught.value.position == position
        assert str(caught.value).endswith(f"at position {position}")

    @pytest.mark.parametrize(
        "data",
        [
            b'{"a":"\xff\xfe"}',
            b"\xc0\x80",
            b'"\xed\xa0\x80"',
            b"\xff" * 20,
            b'"\xf0\x9f"',
        ],
    )
    def test_bytes_that_are_not_utf8(self, data: bytes) -> None:
        with pytest.raises(JsonInvalid, match="UTF-8"):
            read_json(data)

    def test_the_position_counts_characters(self) -> None:
        with pytest.raises(JsonInvalid) as caught:
            read_json('["中中'.encode() + b"\xff")
        assert caught.value.position == 4

    def test_the_failure_has_no_history(self) -> None:
        with pytest.raises(JsonInvalid) as caught:
            read("{")
        assert caught.value.__context__ is None


def nested(depth: int, opening: str = "[", closing: str = "]", core: str = "") -> str:
    return opening * depth + core + closing * depth


class TestNesting:
    @pytest.mark.parametrize(
        ("opening", "closing", "core"),
        [("[", "]", ""), ('{"a":', "}", "1"), ("{'a':", "}", "1"), ("[0,", "]", "")],
    )
    def test_256_levels_and_no_more(
        self, opening: str, closing: str, core: str
    ) -> None:
        value = read(nested(MAX_DEPTH, opening, closing, core))
        assert isinstance(value, list | dict)
        with pytest.raises(JsonInvalid, match="deeper than 256"):
            read(nested(MAX_DEPTH + 1, opening, closing, core))

    def test_a_value_hidden_by_a_duplicate_counts(self) -> None:
        with pytest.raises(JsonInvalid, match="deeper than 256"):
            read('{"a":' + nested(MAX_DEPTH) + ',"a":1}')

    def test_siblings_do_not_count(self) -> None:
        assert read("[" + "[]," * 1000 + "{}]") == [[]] * 1000 + [{}]

    def test_brackets_in_strings_do_not_count(self) -> None:
        assert read('["' + "[{" * 1000 + '"]') == ["[{" * 1000]

    @pytest.mark.parametrize("closing", ["", "]"])
    def test_a_hundred_thousand_levels(self, closing: str) -> None:
        with pytest.raises(JsonInvalid, match="deeper than 256"):
            read(nested(100_000, closing=closing))


class TestLargeHostileInput:
    """Each takes a moment when the reader is linear, and hours when it is not."""

    @pytest.mark.parametrize(
        "data",
        [
            b"[" * (8 * MEBIBYTE),
            b'{"a":' * (3 * MEBIBYTE),
            b'"' + b"a" * (16 * MEBIBYTE),
            b"'" + b"a" * (16 * MEBIBYTE),
            b'"' + b"\\" * (16 * MEBIBYTE + 1),
            b"[" + b" " * (16 * MEBIBYTE) + b"x",
            b'{"a"' + b" " * (16 * MEBIBYTE) + b"x",
            b'{"a":1,"b"' + b" " * (8 * MEBIBYTE) + b"/**/" + b" " * (8 * MEBIBYTE),
            b'{"a":1' + b" " * (8 * MEBIBYTE) + b"," + b" " * (8 * MEBIBYTE) + b"x",
            b"[/*" + b"*" * (16 * MEBIBYTE),
            b"[" + b"/" * (16 * MEBIBYTE),
            b"-" * (16 * MEBIBYTE),
            b"{" + b"9" * (16 * MEBIBYTE),
            b"\xe4\xb8\xad" * (5 * MEBIBYTE),
            b"\xff" * (16 * MEBIBYTE),
        ],
        ids=lambda data: repr(data[:12]),
    )
    def test_is_refused(self, data: bytes) -> None:
        with pytest.raises(JsonInvalid):
            read_json(data)

    def test_blanks_are_nothing(self) -> None:
        assert read_json(b" " * (MEBIBYTE // 2)) is None
        with pytest.raises(JsonInvalid, match="too long to be read leniently"):
            read_json(b" " * (16 * MEBIBYTE))

    def test_a_large_number_is_one_lexeme_and_no_integer(self) -> None:
        value = read_json(b"9" * (16 * MEBIBYTE))
        assert isinstance(value, Number)
        with pytest.raises(JsonInvalid, match=r"^'9{40}\.\.\.' is not an integer"):
            to_int(value, 0)
        with pytest.raises(JsonInvalid):
            to_int(str(value), 0)
        assert to_int(Number(value + ".5"), 0) == 2**31 - 1

    def test_a_million_escapes(self) -> None:
        many = MEBIBYTE // 2 - 1
        assert read_json(b"'" + b"\\v" * many + b"'") == "\v" * many
        assert read_json(b"'" + b"\\'" * many + b"'") == "'" * many

    def test_a_million_zeros_are_one_object(self) -> None:
        value = read_json(b"[" + b"0," * (MOST_VALUES - 1) + b"0]")
        assert isinstance(value, list)
        assert len(set(map(id, value))) == 1

    def test_more_values_than_any_body_has_are_refused_unread(self) -> None:
        for many in (b"0,", b"[", b"{"):
            with pytest.raises(JsonInvalid, match="more than 1000000 values"):
                read_json(b"[" + many * (MOST_VALUES + 1))

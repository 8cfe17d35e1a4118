"""How JSON values and header text become numbers, booleans and text, as in Java."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namesrv.errors import JsonInvalid
from namesrv.wire.java_json.lenient import MAX_DEPTH
from namesrv.wire.java_json.read import read_json
from namesrv.wire.java_json.values import (
    JsonValue,
    Number,
    parse_java_bool,
    parse_java_int,
    to_bool,
    to_int,
    to_text,
)

untimed = settings(deadline=None)

MEBIBYTE = 2**20


def read(text: str) -> JsonValue:
    return read_json(text.encode())


def nested(depth: int, opening: str = "[", closing: str = "]", core: str = "") -> str:
    return opening * depth + core + closing * depth


class TestToInt:
    @pytest.mark.parametrize("text", ["null", '""', '"null"', '"NULL"', ""])
    def test_no_value_is_the_default(self, text: str) -> None:
        assert to_int(read(text), 17) == 17

    @pytest.mark.parametrize(
        ("text", "integer"),
        [
            ("206", 206),
            ("-206", -206),
            ("+206", 206),
            ("0206", 206),
            ("206L", 206),
            ("5.", 5),
            ("206.7", 206),
            ("-3.99", -3),
            ("3.99", 3),
            ("-0.5", 0),
            ("2.06e2", 206),
            ("2.06E+2", 206),
            ("20600e-2", 206),
            ("-20699e-2", -206),
            ("0e99", 0),
            ("1e-99", 0),
            ("true", 1),
            ("false", 0),
            ('"206"', 206),
            ('"+5"', 5),
            ('"-5"', -5),
            ('"206.0"', 206),
            ('"206.000"', 206),
            ('"1,000"', 1000),
            ('"0000000000000000000000000000000000000000042"', 42),
            ("2147483647", 2**31 - 1),
            ("-2147483648", -(2**31)),
            ("1e10", 2**31 - 1),
            ("-1e10", -(2**31)),
            ("1e99", 2**31 - 1),
            ("1e999999999", 2**31 - 1),
            ("1e-999999999", 0),
            ("99999999999.5", 2**31 - 1),
        ],
    )
    def test_to_int_converts_values_as_java_does(self, text: str, integer: int) -> None:
        assert to_int(read(text), 17) == integer

    @pytest.mark.parametrize(
        "text",
        [
            "2147483648",
            "-2147483649",
            "99999999999",
            '"2147483648"',
            '" 206"',
            '"206 "',
            '"206\\n"',
            '"abc"',
            '"1e2"',
            '"4.5"',
            '"5L"',
            '"0x5"',
            '"٥"',
            '","',
            '"+"',
            '"1_000"',
            '"Null"',
            "{}",
            "[206]",
            "1e99999999999999",
        ],
    )
    def test_to_int_refuses_other_values(self, text: str) -> None:
        with pytest.raises(JsonInvalid) as caught:
            to_int(read(text), 17)
        assert caught.value.position is None

    def test_error_of_to_int_names_value_and_range(self) -> None:
        with pytest.raises(JsonInvalid) as caught:
            to_int("x", 0, 0, 13)
        assert str(caught.value) == "'x' is not an integer from 0 to 13"
        with pytest.raises(JsonInvalid, match="^an object is not an integer"):
            to_int({}, 0)

    def test_other_ranges(self) -> None:
        assert (
            to_int(Number("9223372036854775807"), 0, -(2**63), 2**63 - 1) == 2**63 - 1
        )
        assert to_int(Number("1e30"), 0, -(2**63), 2**63 - 1) == 2**63 - 1
        with pytest.raises(JsonInvalid):
            to_int(Number("14"), 0, 0, 13)

    @untimed
    @given(st.integers(-(2**31), 2**31 - 1))
    def test_every_32_bit_integer_converts(self, integer: int) -> None:
        assert to_int(read(str(integer)), 0) == integer
        assert to_int(str(integer), 0) == integer
        assert to_int(f"{integer:,}", 0) == integer
        assert to_int(Number(f"{integer}.9"), 0) == integer


class TestToBool:
    @pytest.mark.parametrize(
        "text", ["true", '"true"', '"TRUE"', '"1"', '"Y"', '"t"', "1"]
    )
    def test_true(self, text: str) -> None:
        assert to_bool(read(text), False) is True

    @pytest.mark.parametrize(
        "text", ["false", '"False"', '"0"', '"N"', '"f"', "0", "2", "1e9"]
    )
    def test_false(self, text: str) -> None:
        assert to_bool(read(text), True) is False

    @pytest.mark.parametrize("text", ["null", '""', '"null"'])
    def test_no_value_is_the_default(self, text: str) -> None:
        assert to_bool(read(text), True) is True
        assert to_bool(read(text), False) is False

    @pytest.mark.parametrize("text", ['"yes"', '" true"', "{}", "[true]"])
    def test_everything_else_is_refused(self, text: str) -> None:
        with pytest.raises(JsonInvalid, match="is not true or false"):
            to_bool(read(text), False)


class TestToText:
    @pytest.mark.parametrize(
        ("source", "text"),
        [
            ('"s"', "s"),
            ("'q'", "q"),
            ('""', ""),
            ("12", "12"),
            ("-7", "-7"),
            ("+5", "5"),
            ("007", "7"),
            ("5.", "5"),
            ("-0", "0"),
            ("0.00", "0.00"),
            ("1.50", "1.50"),
            ("1.0", "1.0"),
            ("-01.50", "-1.50"),
            ("0.01e1", "0.1"),
            ("150e-2", "1.50"),
            ("1e3", "1E+3"),
            ("-1.50e30", "-1.50E+30"),
            ("0e3", "0E+3"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1E-7"),
            ("1.23e-9", "1.23E-9"),
            ("1e999999999", "1E+999999999"),
            ("12345678901234567890", "12345678901234567890"),
            ("true", "true"),
            ("false", "false"),
            ("{}", "{}"),
            ("[]", "[]"),
            ('{"b":1,"a":[1,2]}', '{"b":1,"a":[1,2]}'),
            ('{"zz":1.0,"k":"é","n":null}', '{"zz":1.0,"k":"é"}'),
            ('{"n":null}', "{}"),
            ('[1,"x",null]', '[1,"x",null]'),
            ("[{'a':true},[],{0:'\"'},[null]]", '[{"a":true},[],{"0":"\\""},[null]]'),
        ],
    )
    def test_to_text_writes_values_as_java_does(self, source: str, text: str) -> None:
        assert to_text(read(source)) == text

    def test_null_stays_null(self) -> None:
        assert to_text(None) is None

    def test_an_exponent_beyond_32_bits_is_refused(self) -> None:
        for source in ("1e2147483648", "[1e-99999999999]", "1e" + "9" * MEBIBYTE):
            with pytest.raises(JsonInvalid, match="exponent"):
                to_text(read(source))

    def test_a_number_that_the_reader_cannot_have_made_is_refused(self) -> None:
        with pytest.raises(JsonInvalid, match="'x' is not a number"):
            to_text(Number("x"))

    def test_the_deepest_nesting(self) -> None:
        for text in (nested(MAX_DEPTH), nested(MAX_DEPTH, '{"a":', "}", "1")):
            assert to_text(read(text)) == text


class TestHeaderText:
    @pytest.mark.parametrize(
        ("text", "integer"),
        [
            ("5", 5),
            ("+5", 5),
            ("-5", -5),
            ("005", 5),
            ("-0", 0),
            ("2147483647", 2**31 - 1),
        ],
    )
    def test_java_integers(self, text: str, integer: int) -> None:
        assert parse_java_int(text, -(2**31), 2**31 - 1) == integer

    @pytest.mark.parametrize(
        "text",
        [None, "", "+", "-", "--5", "+-5", " 5", "5 ", "5\n", "5L", "0x5", "5.0", "٥"]
        + ["1_0", "2147483648", "-2147483649", "9" * MEBIBYTE],
    )
    def test_parse_java_int_refuses_other_texts(self, text: str | None) -> None:
        assert parse_java_int(text, -(2**31), 2**31 - 1) is None

    def test_java_longs(self) -> None:
        low, high = -(2**63), 2**63 - 1
        assert parse_java_int(str(low), low, high) == low
        assert parse_java_int(str(high), low, high) == high
        assert parse_java_int(str(high + 1), low, high) is None

    def test_java_booleans(self) -> None:
        assert parse_java_bool("true")
        assert parse_java_bool("TrUe")
        for text in (None, "", "false", "1", "yes", " true", "true ", "ｔrue"):
            assert not parse_java_bool(text)

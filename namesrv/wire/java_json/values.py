"""Values of JSON, and their conversions to the types that Java expects.

Numbers keep their source text, because an extField of `1.50` is the text "1.50".
"""

import re
from typing import Final, NoReturn, TypeAlias

from namesrv.errors import JsonInvalid
from namesrv.wire.java_json.write import write_string

INT_LOW: Final = -(2**31)
INT_HIGH: Final = 2**31 - 1
LONG_LOW: Final = -(2**63)
LONG_HIGH: Final = 2**63 - 1


class Number(str):
    """The source text of a number, without a trailing `L`.

    The name of a member is a Number if it was a bare number in the source.
    """

    __slots__ = ()


JsonValue: TypeAlias = (
    "None | bool | Number | str | list[JsonValue] | dict[str, JsonValue]"
)


class Numbers(dict[str, Number]):
    """Source text -> Number; short ones are shared: a million zeros are one object."""

    def __missing__(self, lexeme: str) -> Number:
        number = Number(lexeme)
        if len(lexeme) <= 3:
            self[lexeme] = number
        return number


NUMBERS: Final = Numbers()

_NO_VALUE: Final = frozenset(("", "null", "NULL"))
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_INTEGER_TEXT: Final = re.compile(r"([+-]?[0-9]+)(?:\.0*)?")
_DECIMAL: Final = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?")
_TRUE_TEXTS: Final = frozenset(("true", "1", "y", "t"))
_FALSE_TEXTS: Final = frozenset(("false", "0", "n", "f"))
_MAX_SHOWN: Final = 40


def to_int(
    value: JsonValue, default: int, low: int = INT_LOW, high: int = INT_HIGH
) -> int:
    """An integer member of a header or body, as Java's JSON library converts it.

    None, "" and "null" are `default`; true is 1, false is 0. Fractions are cut off;
    numbers with a fraction or an exponent are limited to `low`..`high`. Texts may have
    commas and a zero fraction ("1,000", "206.0").

    Raises JsonInvalid (without a position) for an integer out of range and for any
    other value. Source: protocol.md section 1.4.
    """
    if value is None:
        return default
    if isinstance(value, bool):
        return int(value)
    integer: int | None = None
    if isinstance(value, Number):
        integer = parse_java_int(value, low, high)
        if integer is None and not _INTEGER.fullmatch(value):
            return min(max(_truncated(value), low), high)
    elif isinstance(value, str):
        if value in _NO_VALUE:
            return default
        match = _INTEGER_TEXT.fullmatch(value.replace(",", ""))
        integer = parse_java_int(match[1], low, high) if match else None
    if integer is None:
        _refuse(value, f"an integer from {low} to {high}")
    return integer


def to_bool(value: JsonValue, default: bool) -> bool:
    """A boolean member of a body, as Java's JSON library converts it.

    None, "" and "null" are `default`; of numbers only 1 is true; of texts true, 1, y, t
    and false, 0, n, f in any letter case. Raises JsonInvalid for everything else.
    """
    if value is None or isinstance(value, bool):
        return default if value is None else value
    if isinstance(value, Number):
        return to_int(value, 0, LONG_LOW, LONG_HIGH) == 1
    if isinstance(value, str):
        if value in _NO_VALUE:
            return default
        if value.lower() in _TRUE_TEXTS:
            return True
        if value.lower() in _FALSE_TEXTS:
            return False
    _refuse(value, "true or false")


def to_text(value: JsonValue, most_pieces: int | None = None) -> str | None:
    """The text of a value where Java expects text: an extField, a remark, a KV value.

    Numbers are written as by `BigDecimal.toString` (1e3 -> 1E+3), objects and arrays as
    compact JSON in their order, without null members of objects; None stays None.

    Raises JsonInvalid for an exponent beyond 32 bits, and for an object or array of
    more than about `most_pieces` names and values. Source: protocol.md section 1.4.
    """
    if value is None:
        return None
    if isinstance(value, str) and not isinstance(value, Number):
        return value
    parts: list[str] = []
    _append_json(parts, value, most_pieces)
    return "".join(parts)


def parse_java_int(text: str | None, low: int, high: int) -> int | None:
    """`Integer.parseInt` and `Long.parseLong`, ASCII digits only; None if not a number.

    Source: protocol.md sections 2.0 and 9.12.
    """
    if text is None or not _INTEGER.fullmatch(text):
        return None
    digits = text.lstrip("+-").lstrip("0")
    # 64 bits have at most 19 digits; int() of millions of digits takes minutes.
    if len(digits) > 20:
        return None
    integer = int(digits or "0")
    if text[0] == "-":
        integer = -integer
    return integer if low <= integer <= high else None


def parse_java_bool(text: str | None) -> bool:
    """`Boolean.parseBoolean`: "true" in any letter case. Source: protocol.md 2.0."""
    return text is not None and text.lower() == "true"


def _refuse(value: JsonValue, expected: str) -> NoReturn:
    if isinstance(value, dict | list):
        shown = "an object" if isinstance(value, dict) else "an array"
    else:
        shown = str(value)
        if len(shown) > _MAX_SHOWN:
            shown = shown[:_MAX_SHOWN] + "..."
        shown = f"'{shown}'"
    raise JsonInvalid(f"{shown} is not {expected}")


def _decimal(number: Number) -> tuple[str, str, int]:
    """Sign ("-" or ""), unscaled digits without leading zeros, and Java's scale."""
    match = _DECIMAL.fullmatch(number)
    if match is None:
        _refuse(number, "a number")
    sign, whole, fraction, exponent = match.groups()
    shift = parse_java_int(exponent or "0", INT_LOW, INT_HIGH)
    if shift is None:
        _refuse(number, "a number with an exponent of 32 bits")
    fraction = fraction or ""
    digits = (whole + fraction).lstrip("0") or "0"
    return "-" if sign == "-" else "", digits, len(fraction) - shift


def _truncated(number: Number) -> int:
    """The integer part: exact up to 2^64, and any larger number beyond."""
    sign, digits, scale = _decimal(number)
    integer_length = len(digits) - scale
    if digits == "0" or integer_length <= 0:
        return 0
    length = min(integer_length, 21)
    integer = int(digits[:length].ljust(length, "0"))
    return -integer if sign else integer


def _decimal_text(number: Number) -> str:
    """`new BigDecimal(number).toString()`."""
    sign, digits, scale = _decimal(number)
    if digits == "0":
        sign = ""
    adjusted = len(digits) - 1 - scale
    if scale < 0 or adjusted < -6:
        mantissa = digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
        return f"{sign}{mantissa}E{adjusted:+d}"
    if scale == 0:
        return sign + digits
    digits = digits.rjust(scale + 1, "0")
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}"


def _append_json(parts: list[str], value: JsonValue, most: int | None) -> None:
    """Append compact JSON; reading has limited the depth of the recursion."""
    if most is not None and len(parts) > most:
        raise JsonInvalid("an object or array is too large for a text")
    if isinstance(value, dict):
        separator = "{"
        for name, member in value.items():
            if member is not None:
                parts.append(f"{separator}{write_string(name)}:")
                _append_json(parts, member, most)
                separator = ","
        parts.append("{}" if separator == "{" else "}")
    elif isinstance(value, list):
        separator = "["
        for member in value:
            parts.append(separator)
            _append_json(parts, member, most)
            separator = ","
        parts.append("[]" if separator == "[" else "]")
    elif isinstance(value, bool) or value is None:
        parts.append("null" if value is None else str(value).lower())
    elif isinstance(value, Number):
        parts.append(_decimal_text(value))
    else:
        parts.append(write_string(value))

"""Reads JSON as Java does: strictly first, and leniently where that fails.

Java 5.3.3 and 5.5.0 both accept (protocol.md sections 1.4 and 1.8 with the
corrections): either quote, bare numeric names, comments, a trailing comma, more escapes
and more forms of numbers than the standard has.

Time and memory are linear in the input, and recursion is limited to `MAX_DEPTH`.
"""

from contextlib import suppress
from json import JSONDecoder
from typing import Final, NoReturn

from namesrv.errors import JsonInvalid
from namesrv.wire.java_json.lenient import MAX_DEPTH, LenientReader
from namesrv.wire.java_json.values import NUMBERS, JsonValue
from namesrv.work import Steps

MOST_VALUES: Final = 1_000_000
"""Texts with more commas or brackets are refused unread: their values would take
hundreds of megabytes. The largest body that fits a frame has half as many."""
LONGEST_LENIENT_TEXT: Final = 1 << 20
"""Longer texts must be strict JSON, so that no text stalls the loop."""
LONGEST_ESCAPED_STRING: Final = 1 << 13
_SHORT_BYTES: Final = 512


def read_json(
    data: bytes, *, most_values: int | None = MOST_VALUES, strictly: bool = False
) -> JsonValue:
    """Read one JSON value; None for `null` and for an empty or blank text.

    Names that were bare numbers are `Number`s (equal to their text); of equal names the
    last value wins. A lone surrogate written as an escape stays in the text.

    Raises JsonInvalid for bytes that are not UTF-8, text after the value, nesting
    deeper than `MAX_DEPTH`, more than `most_values` values (commas in texts count; None
    means no limit, for our own files), and for JSON that is not strict if `strictly` is
    set or the text is longer than LONGEST_LENIENT_TEXT.
    Source: protocol.md sections 1.4 and 1.8.
    """
    text = _text(data, most_values)
    with suppress(ValueError, RecursionError):
        return _read_strict(text)
    if strictly or len(text) > LONGEST_LENIENT_TEXT:
        reason = "text is not strict JSON, and too long to be read leniently"
        raise JsonInvalid(reason)
    return LenientReader(text).read()


def read_json_steps(data: bytes) -> Steps[JsonValue]:
    """As `read_json`, in steps, for a text that the typed decoder has refused.

    It may have LONGEST_LENIENT_TEXT bytes, and its strings with escapes may have
    LONGEST_ESCAPED_STRING characters.
    """
    if len(data) <= _SHORT_BYTES:
        return read_json(data)
    if len(data) > LONGEST_LENIENT_TEXT:
        raise JsonInvalid(
            f"{len(data)} bytes are too many to be read leniently,"
            f" the limit is {LONGEST_LENIENT_TEXT}"
        )
    text = _text(data, MOST_VALUES)
    return (yield from LenientReader(text, LONGEST_ESCAPED_STRING).read_steps())


def _text(data: bytes, most_values: int | None) -> str:
    try:
        text = str(data, "utf-8")
    except UnicodeDecodeError as fault:
        position = len(data[: fault.start].decode())
        raise JsonInvalid("text is not UTF-8", position) from None
    counts = text.count(","), text.count("["), text.count("{")
    if most_values is not None and max(counts) > most_values:
        raise JsonInvalid(f"text has more than {most_values} values")
    return text


# --- the strict reader: most texts, at the speed of the standard library --------------


class _NotStrict(ValueError):
    """The standard reader would read this text differently from Java."""


def _read_strict(text: str) -> JsonValue:
    value: JsonValue = _STRICT.decode(text)
    if _is_deeper_than(value, MAX_DEPTH):
        raise _NotStrict
    return value


def _object_without_duplicates(pairs: list[tuple[str, JsonValue]]) -> JsonValue:
    members = dict(pairs)
    # The check of the depth would miss a value that a duplicate name hides.
    if len(members) != len(pairs):
        raise _NotStrict
    return members


def _refuse_constant(constant: str) -> NoReturn:
    raise _NotStrict


_STRICT: Final = JSONDecoder(
    object_pairs_hook=_object_without_duplicates,
    parse_int=NUMBERS.__getitem__,
    parse_float=NUMBERS.__getitem__,
    parse_constant=_refuse_constant,
    strict=False,
)


def _is_deeper_than(value: JsonValue, limit: int) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        level = [
            member
            for container in level
            for member in (
                container.values() if isinstance(container, dict) else container
            )
            if type(member) is dict or type(member) is list
        ]
        if not level:
            return False
    return True

"""JSON as peers write it, read leniently; and the two ways of writing numeric keys.

Reading follows what Java 5.3.3 and 5.5.0 both accept (protocol.md sections 1.4 and 1.8
with the corrections): either quote, bare numeric names, comments, a trailing comma,
more escapes and more forms of numbers than the standard has. Numbers keep their source
text, because an extField of `1.50` is the text "1.50".

Time and memory are linear in the input, whatever it is, and nothing here recurses
deeper than `MAX_DEPTH`.
"""

from contextlib import suppress
from json import JSONDecoder
from typing import Final, NoReturn

from namesrv.errors import JsonInvalid
from namesrv.wire.java_json.lenient import MAX_DEPTH, LenientReader
from namesrv.wire.java_json.values import NUMBERS, JsonValue
from namesrv.work import Steps

MOST_VALUES: Final = 1_000_000
"""A text with more commas or brackets than this is refused unread: it would take
hundreds of megabytes. The largest body that fits a frame has half as many."""
LONGEST_LENIENT_TEXT: Final = 1 << 20
"""Characters beyond which only strict JSON is read, so that no text stalls the loop."""
LONGEST_ESCAPED_STRING: Final = 1 << 13
_SHORT_BYTES: Final = 512


def read_json(
    data: bytes, *, most_values: int | None = MOST_VALUES, strictly: bool = False
) -> JsonValue:
    """Read one JSON value; None for an empty or blank text, as for `null`.

    Names that were bare numbers are `Number`s (equal to their text); of equal names the
    last value wins. A lone surrogate written as an escape stays in the text.

    Raises JsonInvalid for everything else: bytes that are not UTF-8, text after the
    value, nesting deeper than `MAX_DEPTH`, more than `most_values` values (commas in
    texts count, too; None for a file of our own, whose content has other limits), and
    JSON that only the lenient reader takes, if the text is to be read `strictly` or is
    longer than LONGEST_LENIENT_TEXT.
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
    """As `read_json`, in steps, for a text that is not strict JSON or not what it
    should be: it has `LONGEST_LENIENT_TEXT` bytes at most, whatever it is, and strings
    with escapes `LONGEST_ESCAPED_STRING`."""
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
    """The standard reader would read this differently; leave it to the lenient one."""


def _read_strict(text: str) -> JsonValue:
    value: JsonValue = _STRICT.decode(text)
    if _is_deeper_than(value, MAX_DEPTH):
        raise _NotStrict
    return value


def _object_without_duplicates(pairs: list[tuple[str, JsonValue]]) -> JsonValue:
    members = dict(pairs)
    # A value that a duplicate name hides would escape the look at the depth.
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

"""Converts leniently read JSON to the records of `bodies`, by their fields.

The rules are fastjson's as far as real senders need them (protocol.md section 2.5.3):
a number may be a string, a null keeps a number's default, unknown members are ignored.
"""

from functools import cache
from types import UnionType
from typing import (
    Annotated,
    Any,
    Final,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields

from namesrv.errors import JsonInvalid
from namesrv.wire.java_json.values import JsonValue, to_bool, to_int, to_text
from namesrv.work import STEP_UNITS, Cost, Steps

Record = TypeVar("Record", bound=Struct)

_STEP_ITEMS: Final = STEP_UNITS // Cost.LENIENT_ENTRY
_MOST_PIECES: Final = 4096
"""Limit of names and values of an object in the place of a text."""


def from_lenient_steps(record: type[Record], value: JsonValue) -> Steps[Record]:
    """Convert `value` to a `record`. Raises JsonInvalid if a member does not fit."""
    if not isinstance(value, dict):
        raise JsonInvalid(f"{record.__name__} is not an object", 0)
    members = {}
    for field, hint in _fields(record):
        if field.encode_name not in value:
            continue
        member = value[field.encode_name]
        if member is None and not _may_be_null(hint):
            continue
        members[field.name] = yield from _convert(hint, member, field)
    return record(**members)


@cache
def _fields(record: type[Struct]) -> tuple[tuple[FieldInfo, Any], ...]:
    hints = get_type_hints(record, include_extras=True)
    return tuple((field, hints[field.name]) for field in fields(record))


def _may_be_null(hint: Any) -> bool:
    return get_origin(hint) in (Union, UnionType) and type(None) in get_args(hint)


def _convert(hint: Any, value: JsonValue, field: FieldInfo | None = None) -> Steps[Any]:
    if _may_be_null(hint):
        if value is None:
            return None
        (hint,) = (arg for arg in get_args(hint) if arg is not type(None))
    origin = get_origin(hint)
    if hint is str or (origin is Annotated and hint.__origin__ is str):
        return to_text(value, most_pieces=_MOST_PIECES)
    if origin is Annotated:
        return _convert_int(hint, value, field)
    if hint is bool:
        return to_bool(value, default=bool(field.default) if field else False)
    if origin is list:
        return (yield from _convert_list(get_args(hint)[0], value))
    if origin is dict:
        key, element = get_args(hint)
        return (yield from _convert_dict(key, element, value))
    return (yield from from_lenient_steps(hint, value))


def _convert_int(hint: Any, value: JsonValue, field: FieldInfo | None) -> Any:
    meta = next(m for m in hint.__metadata__ if isinstance(m, Meta))
    default = field.default if field else 0
    return to_int(value, default, int(meta.ge or 0), int(meta.le or 0))


def _convert_list(element: Any, value: JsonValue) -> Steps[list[Any]]:
    if not isinstance(value, list):
        raise JsonInvalid("an array was expected", 0)
    converted = []
    for number, item in enumerate(value, 1):
        converted.append((yield from _convert(element, item)))
        if number % _STEP_ITEMS == 0:
            yield _STEP_ITEMS * Cost.LENIENT_ENTRY
    return converted


def _convert_dict(key: Any, element: Any, value: JsonValue) -> Steps[dict[Any, Any]]:
    if not isinstance(value, dict):
        raise JsonInvalid("an object was expected", 0)
    converted: dict[Any, Any] = {}
    for number, (name, item) in enumerate(value.items(), 1):
        # A bare number is a Number, which must not stay in a table of texts.
        key_value = str(name) if key is str else _convert_int(key, name, None)
        converted[key_value] = yield from _convert(element, item)
        if number % _STEP_ITEMS == 0:
            yield _STEP_ITEMS * Cost.LENIENT_ENTRY
    return converted

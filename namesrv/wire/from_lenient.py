"""Leniently read JSON into the records of `bodies`, by their declared fields.

The rules are fastjson's as far as real senders need them (protocol.md section 2.5.3):
a number may be a string, a null keeps a number's default, unknown members are ignored.
"""

from functools import cache
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields

from namesrv.errors import JsonInvalid
from namesrv.wire.lenient_json import JsonValue, to_bool, to_int, to_text

Record = TypeVar("Record", bound=Struct)


def from_lenient(record: type[Record], value: JsonValue) -> Record:
    """`value` as a `record`. Raises JsonInvalid when a member has no such reading."""
    if not isinstance(value, dict):
        raise JsonInvalid(f"{record.__name__} is not an object", 0)
    members = {}
    for field, hint in _fields(record):
        if field.encode_name not in value:
            continue
        member = value[field.encode_name]
        if member is None and not _may_be_null(hint):
            continue
        members[field.name] = _convert(hint, member, field)
    return record(**members)


@cache
def _fields(record: type[Struct]) -> tuple[tuple[FieldInfo, Any], ...]:
    hints = get_type_hints(record, include_extras=True)
    return tuple((field, hints[field.name]) for field in fields(record))


def _may_be_null(hint: Any) -> bool:
    return get_origin(hint) in (Union, UnionType) and type(None) in get_args(hint)


def _convert(hint: Any, value: JsonValue, field: FieldInfo | None = None) -> Any:
    if _may_be_null(hint):
        if value is None:
            return None
        (hint,) = (arg for arg in get_args(hint) if arg is not type(None))
    origin = get_origin(hint)
    if origin is Annotated:
        return _convert_int(hint, value, field)
    if hint is bool:
        return to_bool(value, default=bool(field.default) if field else False)
    if hint is str:
        return to_text(value)
    if origin is list:
        return _convert_list(get_args(hint)[0], value)
    if origin is dict:
        key, element = get_args(hint)
        return _convert_dict(key, element, value)
    return from_lenient(hint, value)


def _convert_int(hint: Any, value: JsonValue, field: FieldInfo | None) -> Any:
    meta = next(m for m in hint.__metadata__ if isinstance(m, Meta))
    default = field.default if field else 0
    return to_int(value, default, int(meta.ge or 0), int(meta.le or 0))


def _convert_list(element: Any, value: JsonValue) -> list[Any]:
    if not isinstance(value, list):
        raise JsonInvalid("an array was expected", 0)
    return [_convert(element, item) for item in value]


def _convert_dict(key: Any, element: Any, value: JsonValue) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise JsonInvalid("an object was expected", 0)
    if key is str:
        # A name that was a bare number is a str of its own kind.
        return {str(name): _convert(element, item) for name, item in value.items()}
    return {
        _convert_int(key, name, None): _convert(element, item)
        for name, item in value.items()
    }

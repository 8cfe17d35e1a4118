"""Every member of every record that a peer sends, filled until a limit has to answer.

Made from the types of the records, so that a new member is filled, too; one of a type
that is not known here is a mistake of the test.
"""

import random
from collections.abc import Callable, Iterator
from functools import cache, partial
from types import UnionType
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin
from typing import get_type_hints as hints_of

from msgspec import Struct
from msgspec.structs import fields

from namesrv.codes import ZONE_NAME

Json = Any

NAME: Final = "T"
"""What texts are where they are not filled."""
LONG_CHARS: Final = 1 << 17
MANY_RECORDS: Final = (300, 3000)
MANY_VALUES: Final = (300, 10_000, 40_000)
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_NAMES_IN_HEADERS: Final = {"zone_name": ZONE_NAME}


class Filled(NamedTuple):
    """`make` builds the JSON of a record one member of which, `where`, is full."""

    where: str
    make: Callable[[], Json]


def filled(hint: Any, where: str = "") -> Iterator[Filled]:
    """All ways to fill a value of a type."""
    hint = _without_none(hint)
    origin = get_origin(hint)
    if isinstance(hint, type) and issubclass(hint, Struct):
        yield from _filled_record(hint, where)
    elif hint is str:
        for kind in texts():
            yield Filled(f"{where} {kind}", partial(text, kind))
    elif origin is list:
        yield from _filled_list(get_args(hint)[0], where)
    elif origin is dict:
        key, element = get_args(hint)
        yield from _filled_dict(key, element, where)
    elif origin is Annotated and get_args(hint)[0] is int:
        yield Filled(where, lambda: 2**31 - 1)
    elif hint is bool:
        yield Filled(where, lambda: True)
    else:
        raise NotImplementedError(f"{where} is a {hint}: say how a peer fills it")


def example(hint: Any) -> Json:
    """A small value of a type."""
    hint = _without_none(hint)
    origin = get_origin(hint)
    if isinstance(hint, type) and issubclass(hint, Struct):
        types = hints_of(hint, include_extras=True)
        return {f.encode_name: example(types[f.name]) for f in fields(hint)}
    if hint is str:
        return NAME
    if origin is list:
        return [example(get_args(hint)[0])]
    if origin is dict:
        key, element = get_args(hint)
        # A first registration needs more than one topic.
        return {name: example(element) for name in _keys(key, 2)}
    return False if hint is bool else 1


def texts() -> tuple[str, ...]:
    """Kinds of long texts."""
    return "narrow", "one emoji", "wide", "escaped", "at the limit", "wide at the limit"


@cache
def text(kind: str) -> str:
    """A long text of a kind."""
    letters = random.Random(1).choices(_LETTERS, k=LONG_CHARS)
    narrow = "".join(letters)
    return {
        "narrow": narrow,
        "one emoji": "\U0001f600" + narrow,
        "wide": "\u4e2d" * LONG_CHARS,
        "escaped": "\1" * LONG_CHARS,
        "at the limit": narrow[:4096],
        "wide at the limit": "\U0001f600" + narrow[:4092],
    }[kind]


def header_fields(header: Any) -> Iterator[tuple[str, str]]:
    """(field, its name in extFields) of a header record, which has to read it."""
    nothing = header.read({})
    for field in fields(header):
        first, *others = field.name.split("_")
        camel = first + "".join(word.capitalize() for word in others)
        name = _NAMES_IN_HEADERS.get(field.name, camel)
        told = (getattr(header.read({name: t}), field.name) for t in ("7", "true"))
        assert any(value != getattr(nothing, field.name) for value in told), name
        yield field.name, name


def _filled_record(record: type[Struct], where: str) -> Iterator[Filled]:
    types = hints_of(record, include_extras=True)
    for field in fields(record):
        name = field.encode_name
        for member in filled(types[field.name], f"{where}.{name}"):
            yield Filled(member.where, partial(_with_member, record, name, member.make))


def _with_member(record: type[Struct], name: str, make: Callable[[], Json]) -> Json:
    return {**example(record), name: make()}


def _filled_list(element: Any, where: str) -> Iterator[Filled]:
    for count in _counts(element):
        yield Filled(f"{where}[{count}]", partial(_many, element, count))
    for member in filled(element, f"{where}[]"):
        yield Filled(member.where, partial(_list_of, member.make))


def _counts(element: Any) -> tuple[int, ...]:
    element = _without_none(element)
    is_record = isinstance(element, type) and issubclass(element, Struct)
    return MANY_RECORDS if is_record else MANY_VALUES


def _many(element: Any, count: int) -> Json:
    return [example(element) for _ in range(count)]


def _list_of(make: Callable[[], Json]) -> Json:
    return [make()]


def _filled_dict(key: Any, element: Any, where: str) -> Iterator[Filled]:
    for count in _counts(element):
        yield Filled(f"{where}{{{count}}}", partial(_named, key, element, count))
    if key is str:
        for kind in texts():
            make = partial(_under, kind, partial(example, element))
            yield Filled(f"{where}{{}} named {kind}", make)
    for member in filled(element, f"{where}{{}}"):
        yield Filled(member.where, partial(_beside, key, element, member.make))


def _named(key: Any, element: Any, count: int) -> Json:
    """As many entries; a record names itself as it is called."""
    entries = {}
    for name in _keys(key, count):
        entry = example(element)
        if isinstance(entry, dict):
            entry |= {own: name for own in ("topicName", "topic") if own in entry}
        entries[name] = entry
    return entries


def _under(kind: str, make: Callable[[], Json]) -> Json:
    return {text(kind): make(), "another": make()}


def _beside(key: Any, element: Any, make: Callable[[], Json]) -> Json:
    first, second, third = _keys(key, 3)
    return {first: example(element), second: example(element), third: make()}


def _keys(key: Any, count: int) -> list[str]:
    """Names, or numbers that Python does not share."""
    return [f"{NAME}{n}" if key is str else f"{n + 1000}" for n in range(count)]


def _without_none(hint: Any) -> Any:
    """The type without its null, and a text without the limit of its type."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (arg for arg in get_args(hint) if arg is not type(None))
    is_text = get_origin(hint) is Annotated and get_args(hint)[0] is str
    return str if is_text else hint

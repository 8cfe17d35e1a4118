"""A mistake of a parameter or of a body in our own words: its place, the wrong value
and the expectation, which follows from the type.

msgspec finds the place. Its sentences name Python's types, so none of them is shown.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import inspect, json

from namesrv.misspellings import similar_names

_PATH: Final = re.compile(r"(\.\w+|\[\d+\])*")
_STEP: Final = re.compile(r"\.(\w+)|\[(\d+)\]")
_MEMBER: Final = re.compile(r"Object (missing required|contains unknown) field `(.*)`")
_SHOWN: Final = 60
_INT64_MIN: Final = -(2**63)
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake at a JSON path."""

    path: str
    expected: str
    """The expectation, as the end of a sentence."""
    value: str = ""
    """The wrong value as JSON, shortened; empty if it is not there or not known."""
    missing: bool = False
    unknown: str = ""
    """The name of a member that the type does not have."""
    similar: Sequence[str] = ()

    @property
    def member(self) -> str:
        """The path without its root."""
        return self.path.removeprefix("$.")

    @property
    def detail(self) -> str:
        """One sentence, about a body."""
        if self.unknown:
            at = "" if self.path.count(".") == 1 else f" at {self.path}"
            return f"there is no member {self.unknown!r}{at}, expected {self.expected}"
        if self.missing:
            return f"{self.path} is missing, expected {self.expected}"
        given = f"is {self.value}" if self.value else "is wrong"
        return f"{self.path} {given}, expected {self.expected}"


def mistake_of(error: msgspec.ValidationError, kind: Any, value: Any) -> Mistake:
    """The mistake that msgspec found in a value for a type. `value` is the same value,
    decoded without a type, or None if it is too large to be decoded twice."""
    text, _, place = str(error).rpartition(" - at `$")
    path = place.removesuffix("`")
    if not text or not _PATH.fullmatch(path):
        text, path = str(error), ""
    steps = [name or int(index) for name, index in _STEP.findall(path)]
    expected = _type_at(inspect.type_info(kind), steps)
    member = _MEMBER.match(text)
    if member is None or not isinstance(expected, inspect.StructType):
        return Mistake(f"${path}", in_words(expected), _shown(_value_at(value, steps)))
    name = member[2][:_SHOWN]
    fields = {field.encode_name: field.type for field in expected.fields}
    if name in fields:
        return Mistake(f"${path}.{name}", in_words(fields[name]), missing=True)
    return Mistake(
        f"${path}.{name}",
        f"one of {', '.join(fields)}",
        unknown=name,
        similar=similar_names(name, fields, 3),
    )


def unencodable(kind: Any, texts: Mapping[str, str]) -> Mistake:
    """The first of several texts that has a lone surrogate and may have none."""
    record = inspect.type_info(kind)
    assert isinstance(record, inspect.StructType)
    fields = {field.name: field.type for field in record.fields}
    names = [name for name, text in texts.items() if not _is_encodable(text)]
    name = next((n for n in names if not _is_any_text(fields[n])), names[0])
    return Mistake(f"$.{name}", in_words(fields[name]), _shown(texts[name]))


def _is_encodable(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _is_any_text(kind: inspect.Type) -> bool:
    bare = _bare(kind)
    return isinstance(bare, inspect.StrType) and bare.pattern is None


def in_words(kind: inspect.Type) -> str:
    """The values of a type in words, as the end of a sentence."""
    extra: Mapping[str, Any] = {}
    if isinstance(kind, inspect.Metadata):
        extra, kind = kind.extra or {}, kind.type
    if "expected" in extra:
        return str(extra["expected"])
    match kind:
        case inspect.IntType(ge=None, le=None):
            return "a whole number"
        case inspect.IntType(ge=lowest) if lowest == _INT64_MIN:
            return "a whole number of 64 bits"
        case inspect.IntType(ge=lowest, le=None):
            return f"a whole number from {lowest}"
        case inspect.IntType(ge=lowest, le=highest):
            return f"a whole number from {lowest} to {highest}"
        case inspect.StrType(min_length=None):
            return "a text"
        case inspect.StrType():
            return "a text that is not empty"
        case inspect.UnionType(types=types):
            return _one_of(types)
        case inspect.LiteralType():
            return _one_of([kind])
        case _:
            return _NAMES.get(type(kind), "another value")


_NAMES: Final = {
    inspect.BoolType: "true or false",
    inspect.FloatType: "a number",
    inspect.NoneType: "null",
    inspect.ListType: "an array",
    inspect.StructType: "an object",
    inspect.DictType: "an object",
}


def _one_of(types: Sequence[inspect.Type]) -> str:
    """The expectation of a union."""
    allowed: list[str] = []
    others: list[str] = []
    for kind in types:
        if isinstance(kind, inspect.LiteralType):
            allowed += map(str, kind.values)
        else:
            others.append(in_words(kind))
    texts = [f"one of {', '.join(allowed)}"] if len(allowed) > 1 else allowed
    return " or ".join([*texts, *others])


def _type_at(kind: inspect.Type, steps: Sequence[str | int]) -> inspect.Type:
    """The type of the value at a path, with its metadata."""
    for step in steps:
        kind = _bare(kind)
        if isinstance(kind, inspect.ListType):
            kind = kind.item_type
        elif isinstance(kind, inspect.StructType):
            kinds = {field.encode_name: field.type for field in kind.fields}
            kind = kinds.get(str(step), inspect.AnyType())
    bare = _bare(kind)
    return bare if isinstance(bare, inspect.StructType) else kind


def _bare(kind: inspect.Type) -> inspect.Type:
    """A type without metadata; of a union the type that has members."""
    if isinstance(kind, inspect.Metadata):
        return _bare(kind.type)
    if isinstance(kind, inspect.UnionType):
        parts = [_bare(part) for part in kind.types]
        with_members = (inspect.StructType, inspect.ListType)
        return next((part for part in parts if isinstance(part, with_members)), kind)
    return kind


def _value_at(value: Any, steps: Sequence[str | int]) -> Any:
    for step in steps:
        try:
            value = value[step]
        except (LookupError, TypeError):
            return _MISSING
    return value


def _shown(value: Any) -> str:
    """A value as short JSON; empty for none."""
    match value:
        case dict():
            return "an object"
        case list():
            return "an array"
        case bytes():
            return "binary data"
        case str():
            more = "..." if len(value) > _SHOWN else ""
            return f"{value[:_SHOWN]!r}{more}"
        case None | bool() | int() | float():
            return json.encode(value).decode()[:_SHOWN]
        case _:
            return ""

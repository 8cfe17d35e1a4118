"""An event as bytes: the one format of the ring, the streams and the recorder.

A record is a map in MessagePack. It has the `number` of the event in its run, the date
`at_millis`, the name of the event's class as `type`, and the facts of the event under
their names; facts that are None are left out. `topics` of an event that may be about
very many has lists of names; a list that would make the record too long has its first
names only, and `topics_left_out` has the number of the others.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Final, NamedTuple

import msgpack
import msgspec

from namesrv.routing.events import Cause, Event, TopicChanges

Facts = dict[str, Any]
"""A record as plain values: texts, numbers, lists and maps."""

_FATES: Final = ("added", "changed", "removed", "mapped")
_COMMON: Final = frozenset({"wall_millis", "cause"})
_NAMES: Final[dict[type[Event], tuple[str, ...]]] = {}
_encode_strictly: Final = msgspec.msgpack.Encoder().encode
_decode_strictly: Final = msgspec.msgpack.Decoder(Facts).decode
_SURROGATES: Final = "surrogatepass"


def packed(value: object) -> bytes:
    """A value in MessagePack. A name of a peer may have a lone surrogate."""
    try:
        return _encode_strictly(value)
    except UnicodeEncodeError:
        content: bytes = msgpack.packb(value, unicode_errors=_SURROGATES)
        return content


def decoded(content: bytes) -> Facts:
    """A map from MessagePack."""
    try:
        return _decode_strictly(content)
    except UnicodeDecodeError:
        facts: Facts = msgpack.unpackb(content, unicode_errors=_SURROGATES)
        return facts


class Record(NamedTuple):
    """One event with its number, its date in milliseconds, and its map as bytes.
    `is_cut` means that it has no room for some names."""

    number: int
    wall_millis: int
    content: bytes
    is_cut: bool = False

    def facts(self) -> Facts:
        """The map."""
        return decoded(self.content)

    def mentions(self, name: bytes) -> bool:
        """Whether the bytes of a name (`name_bytes`) are in it: false is certain, true
        has to be checked with its facts."""
        return name in self.content


def record_of(event: Event, number: int, most_names: int) -> Record:
    """An event as a record with at most so many names of topics."""
    facts: Facts = {
        "number": number,
        "at_millis": event.wall_millis,
        "type": type(event).__name__,
        "cause": _facts_of_cause(event.cause),
    }
    for name in _names_of_facts(type(event)):
        value = getattr(event, name)
        if value is None:
            continue
        if name == "topics":
            facts |= _topics(value, most_names)
        elif name == "brokers":
            facts |= _limited(name, value, most_names)
        else:
            facts[name] = value
    is_cut = "topics_left_out" in facts
    # A copy, because the encoder's own bytes keep the memory of its larger buffer.
    content = bytes(memoryview(packed(facts)))
    return Record(number, event.wall_millis, content, is_cut)


def name_bytes(name: str) -> bytes:
    """The bytes of a name in a record, for `Record.mentions`."""
    return packed(name)


def _names_of_facts(kind: type[Event]) -> tuple[str, ...]:
    names = _NAMES.get(kind)
    if names is None:
        names = tuple(f.name for f in fields(kind) if f.name not in _COMMON)
        _NAMES[kind] = names
    return names


def _facts_of_cause(cause: Cause) -> Facts:
    found: Facts = {"kind": cause.kind.value}
    if cause.request_code:
        found["request_code"] = cause.request_code
    if cause.peer is not None:
        found["peer"] = cause.peer
    if cause.proxy is not None:
        found["proxy"] = cause.proxy
    return found


def _topics(topics: Any, most_names: int) -> Facts:
    """`topics` of an event: a plain list, or lists by the fate of the topics."""
    if not isinstance(topics, TopicChanges):
        return _limited("topics", topics, most_names)
    kept: Facts = {}
    left_out: dict[str, int] = {}
    for fate, names in _lists(topics):
        kept[fate] = names[:most_names]
        if len(names) > most_names:
            left_out[fate] = len(names) - most_names
        most_names -= len(kept[fate])
    facts: Facts = {"topics": kept} if kept else {}
    return facts | ({"topics_left_out": left_out} if left_out else {})


def _lists(topics: TopicChanges) -> Iterator[tuple[str, list[str]]]:
    for fate in _FATES:
        names: list[str] = getattr(topics, fate)
        if names:
            yield fate, names


def _limited(name: str, values: Any, most: int) -> Facts:
    kept = list(values[:most])
    if len(values) == len(kept):
        return {name: kept}
    return {name: kept, f"{name}_left_out": len(values) - len(kept)}

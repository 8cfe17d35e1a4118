"""An event as bytes: the one format of the ring, the streams and the recorder.

A record is a map in MessagePack. It has the `number` of the event in its run, the date
`at_millis`, the name of the event's class as `type`, and the facts of the event under
their names; facts that are None are left out. `topics` of an event that may be about
very many has lists of names; a list that would make the record too long has its first
names only, and `topics_left_out` has the number of the others. `brokers` and `new_on`
of an event about one topic are lists of the same kind.
"""

from collections.abc import Iterable, Iterator, Sequence
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
MOST_NAMES: Final = 1 << 17
"""Names in a record at most, which is then read in some milliseconds."""
_LEFT_OUT: Final = "_left_out"
_LISTS: Final = ("brokers", "new_on")
_OF_OPTIONS: Final = ("option", "old", "new")
_OPTION_CHARACTERS: Final = 4096
"""Characters of the name or a value of an option that a record keeps."""
_HEAD_BYTES: Final = 5
"""Bytes before a text in MessagePack, at most."""
_LIST_BYTES: Final = 256
"""Bytes of the names and heads of lists, and of the numbers of names left out."""
_CHUNKS: Final = (4096, 256, 1)
"""Numbers of names that are measured at once, fewer and fewer."""
_TYPE_END: Final = 96
"""Bytes of a record that have its type, and a few more."""


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

    def may_be_of(self, types: Iterable[bytes]) -> bool:
        """Whether its type may be one of these (`name_bytes`): false is certain."""
        content = self.content
        return any(content.find(kind, 0, _TYPE_END) >= 0 for kind in types)


def record_of(event: Event, number: int, most_bytes: int) -> Record:
    """An event as a record of at most so many bytes: its lists have the names that fit.

    Its other facts are never left out, also if they alone are longer.
    """
    facts: Facts = {
        "number": number,
        "at_millis": event.wall_millis,
        "type": type(event).__name__,
        "cause": _facts_of_cause(event.cause),
    }
    lists: Facts = {}
    for name in _names_of_facts(type(event)):
        value = getattr(event, name)
        if value is None:
            continue
        if name == "topics" or name in _LISTS:
            lists[name] = value
        elif name in _OF_OPTIONS and isinstance(value, str):
            facts[name] = value[:_OPTION_CHARACTERS]
        else:
            facts[name] = value
    is_cut = False
    if lists:
        room = most_bytes - len(packed(facts)) - _LIST_BYTES
        for name, value in lists.items():
            found = _topics(value, room // len(lists), name)
            is_cut = is_cut or name + _LEFT_OUT in found
            facts |= found
    # A copy, because the encoder's own bytes keep the memory of its larger buffer.
    content = bytes(memoryview(packed(facts)))
    return Record(number, event.wall_millis, content, is_cut)


def name_bytes(name: str) -> bytes:
    """The bytes of a name in a record, for `Record.mentions`."""
    return packed(name)


def with_numbers(facts: Facts, topic: str | None = None) -> Facts:
    """The facts with numbers in place of names of topics, except for one topic."""
    topics, left_out = facts.get("topics"), facts.get("topics_left_out")
    if topics is None:
        return facts
    if not isinstance(topics, dict):
        kept, count = _named(topics, topic)
        return facts | {"topics": kept, "topics_left_out": count + (left_out or 0)}
    named: dict[str, list[str]] = {}
    counts: dict[str, int] = dict(left_out or {})
    for fate, names in topics.items():
        kept, count = _named(names, topic)
        if kept:
            named[fate] = kept
        if count:
            counts[fate] = counts.get(fate, 0) + count
    return facts | {"topics": named, "topics_left_out": counts}


def _named(names: list[str], topic: str | None) -> tuple[list[str], int]:
    """The one of the names, if it is there, and the number of the others."""
    kept = [topic] if topic is not None and topic in names else []
    return kept, len(names) - len(kept)


def _names_of_facts(kind: type[Event]) -> tuple[str, ...]:
    names = _NAMES.get(kind)
    if names is None:
        names = tuple(n for n in kind.__struct_fields__ if n not in _COMMON)
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


def _topics(topics: Any, room: int, name: str) -> Facts:
    """A plain list of names, or lists by the fate of the topics, in so many bytes."""
    if not isinstance(topics, TopicChanges):
        count, _ = _fitting(topics, room, MOST_NAMES)
        facts: Facts = {name: list(topics[:count])}
        missing = len(topics) - count
        return facts | ({name + _LEFT_OUT: missing} if missing else {})
    kept: Facts = {}
    left_out: dict[str, int] = {}
    most_names = MOST_NAMES
    for fate, names in _lists(topics):
        count, room = _fitting(names, room, most_names)
        most_names -= count
        kept[fate] = names[:count]
        if count < len(names):
            left_out[fate] = len(names) - count
    facts = {name: kept} if kept else {}
    return facts | ({name + _LEFT_OUT: left_out} if left_out else {})


def _lists(topics: TopicChanges) -> Iterator[tuple[str, list[str]]]:
    for fate in _FATES:
        names: list[str] = getattr(topics, fate)
        if names:
            yield fate, names


def _fitting(names: Sequence[str], room: int, most_names: int) -> tuple[int, int]:
    """How many of the first names fit, and the bytes that they leave."""
    count, most_names = 0, min(len(names), most_names)
    for chunk in _CHUNKS:
        while count < most_names:
            some = names[count : min(count + chunk, most_names)]
            size = _size(some)
            if size > room:
                break
            room -= size
            count += len(some)
    return count, room if count == most_names else 0


def _size(names: Sequence[str]) -> int:
    text = "".join(names).encode("utf-8", _SURROGATES)
    return len(text) + _HEAD_BYTES * len(names)

"""JSON into typed records: strictly by a decoder in C, and what that refuses leniently.

Reading goes in steps (`namesrv.work`): a text that the typed decoder takes is read at
once, the lenient reader takes a turn of the loop for some hundred bytes.
Source: protocol.md sections 1.4, 1.8 and 2.5.3.
"""

import re
from contextlib import suppress
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from namesrv.errors import BodyInvalid, JsonInvalid
from namesrv.wire.bodies import (
    DataVersion,
    RegisterBrokerBody,
    TopicConfigSerializeWrapper,
    TopicQueueMappingInfo,
    TopicRouteQueues,
)
from namesrv.wire.java_json.read import read_json_steps
from namesrv.wire.java_json.records import from_lenient_steps
from namesrv.wire.java_json.values import JsonValue
from namesrv.work import STEP_UNITS, Cost, Steps, finish, kilobytes

Record = TypeVar("Record", bound=Struct)

NOT_STRICT: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Raised by the typed decoder for a text that is left to the lenient reader."""

_DECODERS: Final[dict[type[Struct], msgspec.json.Decoder[Any]]] = {
    record: msgspec.json.Decoder(record)
    for record in (
        DataVersion,
        RegisterBrokerBody,
        TopicConfigSerializeWrapper,
        TopicQueueMappingInfo,
        TopicRouteQueues,
    )
}
_TEXTS: Final[msgspec.json.Decoder[list[str | None] | None]] = msgspec.json.Decoder(
    list[str | None] | None
)

# An object of integers whose names are bare, as Java brokers with static topics send
# currIdMap; one of more names is nobody's. Nothing in it can be matched in two ways.
_BARE_NAMES: Final = re.compile(
    rb"\{-?[0-9]++:-?[0-9]++(?:,-?[0-9]++:-?[0-9]++){0,65535}+\}"
)
LONGEST_OBJECT_BYTES: Final = 1 << 18
"""Of an object without others in it, or an array; twice as many never pass. A mapping
of as many queues as may be has 140 KB."""
_STEP_BYTES: Final = (STEP_UNITS << 10) // Cost.BARE_KILOBYTE


def read_record_steps(
    record: type[Record], data: bytes, what: str
) -> Steps[Record | None]:
    """Read JSON into `record`; None for a JSON null or array, as Java 5.3.3 has it.

    Raises BodyInvalid, which says `what` cannot be read.
    """
    with suppress(*NOT_STRICT):
        return (yield from decode_steps(record, data))
    return (yield from read_leniently_steps(record, data, what))


def decode_steps(record: type[Record], data: bytes) -> Steps[Record | None]:
    """Read strict JSON, whose objects of integers may have bare names, into `record`.

    Raises one of NOT_STRICT for everything else.
    """
    _check_utf8(data)
    _check_objects(data)
    decoder: msgspec.json.Decoder[Record | None] = _DECODERS[record]
    try:
        return decoder.decode(data)
    except msgspec.DecodeError:
        yield kilobytes(len(data), Cost.STRICT_KILOBYTE)
        quoted = yield from _quote_names(data)
        if len(quoted) == len(data):
            raise
    return decoder.decode(quoted)


def decode_short(record: type[Record], data: bytes) -> Record | None:
    """As `decode_steps`, at once, for a text that is as likely to have bare names."""
    _check_utf8(data)
    decoder: msgspec.json.Decoder[Record | None] = _DECODERS[record]
    quoted = finish(_quote_names(data))
    if len(quoted) > len(data):
        with suppress(msgspec.DecodeError):
            return decoder.decode(quoted)
    return decoder.decode(data)


def decode_texts(data: bytes) -> list[str | None] | None:
    """Read a strict JSON list of texts and nulls. Raises one of NOT_STRICT."""
    _check_utf8(data)
    return _TEXTS.decode(data)


def read_leniently_steps(
    record: type[Record], data: bytes, what: str
) -> Steps[Record | None]:
    """As `read_record_steps`, for what the typed decoder has refused."""
    try:
        value: JsonValue = yield from read_json_steps(data)
        if value is None or isinstance(value, list):
            return None
        return (yield from from_lenient_steps(record, value))
    except JsonInvalid as exc:
        raise BodyInvalid(what, str(exc)) from None


def _quote_names(data: bytes) -> Steps[bytes]:
    """Put the bare names of objects of integers into quotes.

    Inside a string the first quote that is put in ends the string before a digit or a
    minus: never valid JSON, so that the decoder refuses it and no text is changed.
    """
    pieces: list[bytes] = []
    at = stepped_at = 0
    for match in _BARE_NAMES.finditer(data):
        pieces.append(data[at : match.start()])
        names = match[0][1:].replace(b",", b',"').replace(b":", b'":')
        pieces += (b'{"', names)
        at = match.end()
        if at - stepped_at >= _STEP_BYTES:
            yield kilobytes(at - stepped_at, Cost.BARE_KILOBYTE)
            stepped_at = at
    pieces.append(data[at:])
    return b"".join(pieces)


def _check_objects(data: bytes) -> None:
    """Raise DecodeError for a very long object, as one of very many numbers is.

    CPython hashes numbers without a seed, and a peer could make them collide.
    """
    for start in range(0, len(data) - LONGEST_OBJECT_BYTES, LONGEST_OBJECT_BYTES):
        if data.find(b"}", start, start + LONGEST_OBJECT_BYTES) < 0:
            raise msgspec.DecodeError("an object is too long")


def _check_utf8(data: bytes) -> None:
    # The typed decoder does not look into strings that it skips.
    if not data.isascii():
        data.decode()

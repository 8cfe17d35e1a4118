"""JSON into typed records: by a strict decoder in C, then by the lenient reader.

Reading goes in steps (`namesrv.work`): the typed decoder reads a text in one step, the
lenient reader in steps of about 1,000 bytes.
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
"""Exceptions of the typed decoder; the text then goes to the lenient reader."""

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

# An object of integers with bare names, as Java brokers with static topics write
# currIdMap; no broker writes more names. No text matches in two ways.
_BARE_NAMES: Final = re.compile(
    rb"\{-?[0-9]++:-?[0-9]++(?:,-?[0-9]++:-?[0-9]++){0,65535}+\}"
)
LONGEST_OBJECT_BYTES: Final = 1 << 18
"""Limit of an object without nested objects, or of an array; those of twice this size
are always refused. The largest mapping has 140 KB."""
_STEP_BYTES: Final = (STEP_UNITS << 10) // Cost.BARE_KILOBYTE


def read_record_steps(
    record: type[Record], data: bytes, what: str
) -> Steps[Record | None]:
    """Read JSON into `record`; None for a JSON null or array, as in Java 5.3.3.

    Raises BodyInvalid; `what` is the subject of its message.
    """
    with suppress(*NOT_STRICT):
        return (yield from decode_steps(record, data))
    return (yield from read_leniently_steps(record, data, what))


def decode_steps(record: type[Record], data: bytes) -> Steps[Record | None]:
    """Read strict JSON into `record`; names in objects of integers may be bare.

    Raises one of NOT_STRICT for other texts.
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
    """As `decode_steps`, in one step, for a short text that often has bare names."""
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
    """As `read_record_steps`, for a text that the typed decoder has refused."""
    try:
        value: JsonValue = yield from read_json_steps(data)
        if value is None or isinstance(value, list):
            return None
        return (yield from from_lenient_steps(record, value))
    except JsonInvalid as exc:
        raise BodyInvalid(what, str(exc)) from None


def _quote_names(data: bytes) -> Steps[bytes]:
    """Put the bare names of objects of integers into quotes.

    Inside a string, the first inserted quote ends the string before a digit or a minus.
    That is never valid JSON: the decoder refuses it, so that no text is changed.
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
    """Raise DecodeError for a very long object, such as one of very many numbers.

    CPython hashes numbers without a seed, and a peer could make them collide.
    """
    for start in range(0, len(data) - LONGEST_OBJECT_BYTES, LONGEST_OBJECT_BYTES):
        if data.find(b"}", start, start + LONGEST_OBJECT_BYTES) < 0:
            raise msgspec.DecodeError("an object is too long")


def _check_utf8(data: bytes) -> None:
    # The typed decoder does not decode strings that it skips.
    if not data.isascii():
        data.decode()

"""Reading request bodies: registrations in their four forms, and the small ones.

A body is first tried with the typed decoder, which takes strict JSON straight into
records; what that refuses goes to the lenient reader (protocol.md sections 1.8, 2.5).
"""

import re
import zlib
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from namesrv.codes import VERSION_V3_0_11, VERSION_V5_0_0
from namesrv.errors import BodyInvalid, JsonInvalid
from namesrv.wire.bodies import (
    DataVersion,
    QueueData,
    RegisterBrokerBody,
    TopicConfig,
    TopicConfigSerializeWrapper,
    TopicQueueMappingInfo,
    TopicRouteQueues,
)
from namesrv.wire.from_lenient import from_lenient
from namesrv.wire.lenient_json import (
    INT_HIGH,
    INT_LOW,
    parse_java_int,
    read_json,
    to_text,
)

Record = TypeVar("Record", bound=Struct)

_BARE_KEY: Final = re.compile(rb"([{,])(-?[0-9]+)L?(?=:)")
MOST_ENTRIES: Final = 200_000
"""Topics, or mappings, of an inflated body: a few kilobytes inflate to millions, which
would take the loop half a minute and a gigabyte."""
_MOST_BARE_KEYS: Final = 250_000
"""Bare names that are quoted for the typed decoder, which costs a microsecond each."""
_TOPIC_FILTER_TYPES: Final = ("SINGLE_TAG", "MULTI_TAG")
_WHAT: Final = "registration body"

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


def read_record(record: type[Record], data: bytes, what: str) -> Record | None:
    """Read JSON into `record`; None for a JSON null or array, as Java 5.3.3 has it.

    Raises BodyInvalid, which says `what` cannot be read.
    """
    if _is_utf8(data):
        try:
            return _decode_strictly(record, data)
        except (msgspec.DecodeError, RecursionError):
            pass
    try:
        value = read_json(data)
        if value is None or isinstance(value, list):
            return None
        return from_lenient(record, value)
    except JsonInvalid as exc:
        raise BodyInvalid(what, str(exc)) from None


def read_data_version(data: bytes) -> DataVersion | None:
    """Body of QUERY_DATA_VERSION (section 2.19). Raises BodyInvalid."""
    return read_record(DataVersion, data, "data version")


def read_queue_datas(data: bytes) -> list[QueueData | None] | None:
    """`queueDatas` of REGISTER_TOPIC_IN_NAMESRV (section 2.13). Raises BodyInvalid."""
    route = read_record(TopicRouteQueues, data, "topic route")
    return None if route is None else route.queue_datas


def read_register_broker_body(
    body: bytes | None,
    version: int,
    *,
    compressed: bool,
    max_inflated_bytes: int,
) -> RegisterBrokerBody:
    """Read a registration in the form that `version` and `compressed` call for.

    `max_inflated_bytes` bounds a deflated body. Raises BodyInvalid. Source:
    `DefaultRequestProcessor#registerBroker`, protocol.md sections 2.5.2 to 2.5.4.
    """
    if version < VERSION_V3_0_11:
        return _read_old_form(body)
    if not body:
        return _empty_body()
    if compressed or _looks_deflated(body):
        raw = _inflate(body, max_inflated_bytes)
        return _BlockReader(raw).register_broker_body(version)
    decoded = read_record(RegisterBrokerBody, body, _WHAT)
    if decoded is None:
        raise BodyInvalid(_WHAT, "it is null")
    return decoded


def _is_utf8(data: bytes) -> bool:
    # The typed decoder does not look into strings that it skips.
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decode_strictly(record: type[Record], data: bytes) -> Record | None:
    decoder: msgspec.json.Decoder[Record | None] = _DECODERS[record]
    try:
        return decoder.decode(data)
    except msgspec.DecodeError:
        # Java brokers with static topics send bare numeric keys. Inside a string the
        # quote that is put in ends the string before a digit: never valid JSON.
        quoted = _BARE_KEY.sub(rb'\1"\2"', data, count=_MOST_BARE_KEYS)
        if len(quoted) == len(data):
            raise
        return decoder.decode(quoted)


def _empty_body() -> RegisterBrokerBody:
    version = DataVersion(timestamp=0)
    return RegisterBrokerBody(
        topic_config_serialize_wrapper=TopicConfigSerializeWrapper(data_version=version)
    )


def _read_old_form(body: bytes | None) -> RegisterBrokerBody:
    """Before V3_0_11 the body was the bare wrapper, without filter servers."""
    if not body:
        empty = _empty_body()
        empty.filter_server_list = None
        return empty
    wrapper = read_record(TopicConfigSerializeWrapper, body, _WHAT)
    return RegisterBrokerBody(None, wrapper)


def _looks_deflated(body: bytes) -> bool:
    """A 5.x broker sends deflated bodies flagged as plain (section 2.5.4)."""
    return body[0] == 0x78 and int.from_bytes(body[:2], "big") % 31 == 0


def _inflate(body: bytes, max_inflated_bytes: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(body, max_inflated_bytes)
    except zlib.error as exc:
        raise BodyInvalid(_WHAT, f"it does not inflate ({exc})") from None
    if not inflater.eof and inflater.unconsumed_tail:
        raise BodyInvalid(_WHAT, f"it inflates to more than {max_inflated_bytes} bytes")
    return raw


class _BlockReader:
    """The inflated form: lengths and counts as int32, blocks of text (2.5.4)."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._position = 0

    def register_broker_body(self, version: int) -> RegisterBrokerBody:
        data_version = read_record(DataVersion, self._block(), "data version")
        topics = dict(self._each(self._topic))
        filter_server_list = self._filter_server_list()
        mappings: dict[str, TopicQueueMappingInfo] = {}
        if version >= VERSION_V5_0_0:
            mappings = dict(self._each(self._mapping))
        wrapper = TopicConfigSerializeWrapper(data_version, topics, mappings)
        return RegisterBrokerBody(filter_server_list, wrapper)

    def _int32(self) -> int:
        end = self._position + 4
        if end > len(self._raw):
            raise BodyInvalid(_WHAT, "it ends in the middle of a number")
        value = int.from_bytes(self._raw[self._position : end], "big", signed=True)
        self._position = end
        return value

    def _block(self) -> bytes:
        length = self._int32()
        end = self._position + length
        if length < 0 or end > len(self._raw):
            raise BodyInvalid(_WHAT, f"a block of {length} bytes does not fit")
        block = self._raw[self._position : end]
        self._position = end
        return block

    def _each(self, read: Callable[[], tuple[str, Record]]) -> list[tuple[str, Record]]:
        count = self._int32()
        if count > MOST_ENTRIES:
            raise BodyInvalid(
                _WHAT, f"{count} entries are more than the limit of {MOST_ENTRIES}"
            )
        return [read() for _ in range(count)]

    def _topic(self) -> tuple[str, TopicConfig]:
        line = self._block().decode("utf-8", "replace")
        parts = line.rstrip(" ").split(" ")
        if len(parts) < 5 or parts[4] not in _TOPIC_FILTER_TYPES:
            raise BodyInvalid(_WHAT, f"topic line {line[:200]!r} is malformed")
        numbers = [parse_java_int(part, INT_LOW, INT_HIGH) for part in parts[1:4]]
        read_queue_nums, write_queue_nums, perm = numbers
        if read_queue_nums is None or write_queue_nums is None or perm is None:
            raise BodyInvalid(_WHAT, f"a number of topic line {line[:200]!r} is wrong")
        name = parts[0]
        return name, TopicConfig(perm, read_queue_nums, name, 0, write_queue_nums)

    def _filter_server_list(self) -> list[str | None] | None:
        try:
            value = read_json(self._block())
        except JsonInvalid:
            return []
        if isinstance(value, list):
            return [to_text(server) for server in value]
        return None if value is None else []

    def _mapping(self) -> tuple[str, TopicQueueMappingInfo]:
        info = read_record(TopicQueueMappingInfo, self._block(), _WHAT)
        if info is None or info.topic is None:
            raise BodyInvalid(_WHAT, "a topic queue mapping names no topic")
        return info.topic, info

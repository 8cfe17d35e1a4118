"""The deflated form of a registration: blocks, inflated only as far as they are read.

A few kilobytes can inflate to megabytes and to any number of blocks. Limits therefore
depend on the size of the body as well as on the options (protocol.md section 2.5.4).
"""

import zlib
from typing import Final, TypeVar

from msgspec import Struct

from namesrv.codes import VERSION_V5_0_0
from namesrv.errors import BodyInvalid, JsonInvalid, LimitExceeded
from namesrv.wire.bodies import (
    DataVersion,
    RegisterBrokerBody,
    TopicConfig,
    TopicConfigSerializeWrapper,
    TopicQueueMappingInfo,
)
from namesrv.wire.body_limits import BodyLimits
from namesrv.wire.java_json.read import read_json_steps
from namesrv.wire.java_json.values import (
    INT_HIGH,
    INT_LOW,
    JsonValue,
    parse_java_int,
    to_text,
)
from namesrv.wire.typed_json import (
    NOT_STRICT,
    decode_short,
    decode_texts,
    read_leniently_steps,
)
from namesrv.work import STEP_UNITS, Cost, Steps, kilobytes

Record = TypeVar("Record", bound=Struct)

MOST_INFLATION: Final = 150
"""Limit of inflated bytes for each byte. Brokers' tables have 4 to 30, a table of
static topics with 512 queues each has 120."""
FREE_INFLATED_BYTES: Final = 1 << 16
"""Limit of inflated bytes for small bodies."""
FREE_ENTRIES: Final = 256
"""Limit of topics, or mappings, of small bodies; beyond it, one for each byte."""
LONGEST_BLOCK: Final = 1 << 18
MOST_LENIENT_GROWTH: Final = 4
"""Limit of lenient JSON for each byte of the body; brokers write strict JSON."""
FREE_LENIENT_BYTES: Final = 2048
_LENIENT_BLOCK_BYTES: Final = 16
"""Each block counts for this many bytes more than it has."""

_INPUT_BYTES: Final = 1 << 14
_OUTPUT_BYTES: Final = 1 << 16
_TOPIC_FILTER_TYPES: Final = ("SINGLE_TAG", "MULTI_TAG")
_MOST_TAILS: Final = 256
_LONGEST_TAIL: Final = 256
_WHAT: Final = "registration body"


class Inflater:
    """Inflates a body piece by piece; `units` is the cost so far."""

    def __init__(self, body: bytes, most_bytes: int) -> None:
        """`most_bytes` is `bodyMaxInflatedBytes`."""
        growth = max(MOST_INFLATION * len(body), FREE_INFLATED_BYTES)
        self._most_bytes = min(most_bytes, growth)
        self._body = memoryview(body)
        self._body_at = 0
        self._inflater = zlib.decompressobj()
        self._ready = b""
        self._at = 0
        self.inflated_bytes = 0
        self.units = 0

    def take(self, length: int) -> bytes:
        """The next `length` bytes. Raises BodyInvalid if there are fewer."""
        end = self._at + length
        while end > len(self._ready):
            piece = self._more()
            if not piece:
                raise BodyInvalid(_WHAT, f"it ends within a block of {length} bytes")
            self._ready = self._ready[self._at :] + piece
            self._at, end = 0, length
        taken = self._ready[self._at : end]
        self._at = end
        return taken

    def drain(self) -> bool:
        """Inflate and drop the next piece; False after the last one."""
        return bool(self._more())

    def _more(self) -> bytes:
        while True:
            given = self._inflater.unconsumed_tail or self._next_input()
            try:
                piece = self._inflater.decompress(given, _OUTPUT_BYTES)
            except zlib.error as exc:
                reason = f"it does not inflate ({exc})"
                raise BodyInvalid(_WHAT, reason) from None
            if piece or not given:
                self._count(len(piece))
                return piece

    def _next_input(self) -> memoryview:
        start = self._body_at
        self._body_at += _INPUT_BYTES
        return self._body[start : self._body_at]

    def _count(self, length: int) -> None:
        self.inflated_bytes += length
        self.units += kilobytes(length, Cost.STRICT_KILOBYTE)
        if self.inflated_bytes > self._most_bytes:
            raise LimitExceeded(
                f"{_WHAT} of {len(self._body)} bytes that inflates to more than"
                f" {self._most_bytes} bytes",
                self._most_bytes,
                f"bodyMaxInflatedBytes, and {MOST_INFLATION} times the body",
            )


class DeflatedBody:
    """Reads a registration: lengths and counts as int32, and blocks of text."""

    def __init__(self, body: bytes, limits: BodyLimits) -> None:
        self._inflater = Inflater(body, limits.inflated_bytes)
        self._limits = limits
        self._most_entries = max(len(body), FREE_ENTRIES)
        self._most_lenient_bytes = MOST_LENIENT_GROWTH * len(body) + FREE_LENIENT_BYTES
        self._lenient_bytes = 0
        self._tails: dict[bytes, tuple[int, int, int]] = {}
        self._mapped_queues = 0
        self._units = 0

    def read_steps(self, version: int) -> Steps[RegisterBrokerBody]:
        """The registration, from a sender of `version`. Raises BodyInvalid, and
        LimitExceeded."""
        data_version = yield from self._record(DataVersion, "data version")
        topics = yield from self._topics()
        filter_server_list = yield from self._filter_server_list()
        mappings: dict[str, TopicQueueMappingInfo] = {}
        if version >= VERSION_V5_0_0:
            mappings = yield from self._mappings()
        while self._inflater.drain():
            yield self._spent()
        wrapper = TopicConfigSerializeWrapper(data_version, topics, mappings)
        return RegisterBrokerBody(filter_server_list, wrapper)

    @property
    def inflated_bytes(self) -> int:
        """Inflated bytes so far."""
        return self._inflater.inflated_bytes

    @property
    def _is_step_over(self) -> bool:
        return self._units + self._inflater.units >= STEP_UNITS

    def _spent(self) -> int:
        units = self._units + self._inflater.units
        self._units = self._inflater.units = 0
        return units

    def _int32(self) -> int:
        return int.from_bytes(self._inflater.take(4), "big", signed=True)

    def _block(self) -> bytes:
        length = self._int32()
        if not 0 <= length <= self._limits.inflated_bytes:
            raise BodyInvalid(_WHAT, f"a block of {length} bytes does not fit")
        if length > LONGEST_BLOCK:
            raise LimitExceeded(f"block of {length} bytes", LONGEST_BLOCK)
        return self._inflater.take(length)

    def _count(self) -> int:
        count = self._int32()
        self._limits.check_topics(count)
        if count > self._most_entries:
            raise LimitExceeded(
                f"{_WHAT} with {count} entries, too many for its size",
                self._most_entries,
            )
        return count

    def _topics(self) -> Steps[dict[str, TopicConfig]]:
        topics: dict[str, TopicConfig] = {}
        for _ in range(self._count()):
            line = self._block()
            name_bytes, _, tail = line.partition(b" ")
            name = name_bytes.decode("utf-8", "replace")
            if len(name_bytes) > self._limits.name_bytes:
                self._limits.check_name("topic name", name)
            numbers = self._tails.get(tail)
            if numbers is None:
                numbers = self._numbers(line, tail)
            read_queue_nums, write_queue_nums, perm = numbers
            topics[name] = TopicConfig(perm, read_queue_nums, name, 0, write_queue_nums)
            self._units += Cost.ENTRY
            if self._is_step_over:
                yield self._spent()
        return topics

    def _numbers(self, line: bytes, tail: bytes) -> tuple[int, int, int]:
        """The numbers that follow a topic's name; most topics share theirs."""
        parts = tail.decode("utf-8", "replace").rstrip(" ").split(" ", 4)
        shown = repr(line[:200].decode("utf-8", "replace"))
        if len(parts) < 4 or parts[3] not in _TOPIC_FILTER_TYPES:
            raise BodyInvalid(_WHAT, f"topic line {shown} is malformed")
        numbers = [parse_java_int(part, INT_LOW, INT_HIGH) for part in parts[:3]]
        read_queue_nums, write_queue_nums, perm = numbers
        if read_queue_nums is None or write_queue_nums is None or perm is None:
            raise BodyInvalid(_WHAT, f"a number of topic line {shown} is wrong")
        found = read_queue_nums, write_queue_nums, perm
        self._units += Cost.LENIENT_ENTRY
        if len(tail) <= _LONGEST_TAIL and len(self._tails) < _MOST_TAILS:
            self._tails[tail] = found
        return found

    def _filter_server_list(self) -> Steps[list[str | None] | None]:
        block = self._block()
        try:
            return decode_texts(block)
        except NOT_STRICT:
            self._charge_lenient(block)
        value: JsonValue
        try:
            value = yield from read_json_steps(block)
        except JsonInvalid:
            return []
        if isinstance(value, list):
            self._limits.check_filter_servers(len(value))
            return [to_text(server) for server in value]
        return None if value is None else []

    def _mappings(self) -> Steps[dict[str, TopicQueueMappingInfo]]:
        mappings: dict[str, TopicQueueMappingInfo] = {}
        for _ in range(self._count()):
            info = yield from self._record(TopicQueueMappingInfo, _WHAT)
            if info is None or info.topic is None:
                raise BodyInvalid(_WHAT, "a topic queue mapping names no topic")
            self._limits.check_mapping(info)
            self._mapped_queues += len(info.curr_id_map or ())
            self._limits.check_mapped_queues(self._mapped_queues)
            mappings[info.topic] = info
            if self._is_step_over:
                yield self._spent()
        return mappings

    def _record(self, record: type[Record], what: str) -> Steps[Record | None]:
        block = self._block()
        self._units += Cost.ENTRY + kilobytes(len(block), Cost.BARE_KILOBYTE)
        try:
            return decode_short(record, block)
        except NOT_STRICT:
            self._charge_lenient(block)
        return (yield from read_leniently_steps(record, block, what))

    def _charge_lenient(self, block: bytes) -> None:
        """Count a block for the lenient reader, which takes 100 times as long."""
        self._lenient_bytes += len(block) + _LENIENT_BLOCK_BYTES
        if self._lenient_bytes > self._most_lenient_bytes:
            raise LimitExceeded(
                f"{_WHAT} with {self._lenient_bytes} bytes of lenient JSON",
                self._most_lenient_bytes,
                f"{MOST_LENIENT_GROWTH} times the body",
            )
        self._units += kilobytes(len(block), Cost.LENIENT_KILOBYTE)

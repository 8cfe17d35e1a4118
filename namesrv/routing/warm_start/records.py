"""The file of a route table: a first line with a version, then records.

A record is a kind, a length, a CRC-32 and that many bytes of MessagePack. Groups come
one by one, in any order; then the tables that they share, and a last record with the
number of groups, so that a truncated file is detected. Records nest those of
`wire.bodies`, as maps with Java's names.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Annotated, Any, Final, NamedTuple, TypeVar

import msgpack
import msgspec
from msgspec import Meta, Struct

from namesrv.codes import MOST_HEARTBEAT_TIMEOUT_MILLIS
from namesrv.errors import SnapshotInvalid
from namesrv.wire.bodies import (
    DataVersion,
    Int64,
    QueueData,
    TopicQueueMappingInfo,
)

FIRST_LINE: Final = b"namesrv routes, version 2\n"
GROUP: Final = 1
TABLES: Final = 2
END: Final = 3

_NAMED_VERSION: Final = b"namesrv routes, version "
_HEAD: Final = struct.Struct(">BII")
_KINDS: Final = {GROUP, TABLES, END}
_UNREADABLE: Final = (ValueError, TypeError, RecursionError, msgspec.MsgspecError)

_Shape = TypeVar("_Shape", bound=Struct)

TimeoutMillis = Annotated[
    int, Meta(ge=-MOST_HEARTBEAT_TIMEOUT_MILLIS, le=MOST_HEARTBEAT_TIMEOUT_MILLIS)
]

MOST_SERVED_MILLIS: Final = 2**60
ServedMillis = Annotated[int, Meta(ge=0, le=MOST_SERVED_MILLIS)]


class LiveRecord(Struct, array_like=True, frozen=True):
    """A live broker of a group; the timestamp of `data_version` is never None."""

    cluster_name: str
    broker_addr: str
    heartbeat_timeout_millis: TimeoutMillis
    data_version: DataVersion | None
    ha_server_addr: str | None
    digest: bytes | None
    answer_ext_fields: str


class GroupRecord(Struct, array_like=True, frozen=True):
    """A whole broker group.

    `broker_addrs` are ids with their addresses. `topics` has the numbers of its topics,
    32 bits each, lowest byte first; `queues_of` has, in the same form, an index into
    `queues` for each of them.
    """

    broker_name: str
    cluster: str
    broker_addrs: list[tuple[Int64, str | None]]
    enable_acting_master: bool
    zone_name: str | None
    lives: list[LiveRecord]
    queues: list[QueueData]
    topics: bytes
    queues_of: bytes


class LeaseRecord(Struct, array_like=True, frozen=True):
    """A live broker not heard since its last warm start, and the rest of its lease."""

    cluster_name: str
    broker_addr: str
    left_millis: Int64


class TablesRecord(Struct, array_like=True, frozen=True):
    """The tables that groups share.

    `saved_millis` is the date, `options` are those on which digests depend; `topics`
    are names in the order of `numbers`; `mappings` are static topics with a mapping
    each; `gone_millis` is the time since the end of a group that mappings still name;
    `served_millis` is the time in which brokers could be heard, of all runs together;
    `changed_groups` are those whose record may be of another moment than these tables;
    None if these are unknown, as in older files.
    """

    saved_millis: Int64
    options: dict[str, str]
    numbers: bytes
    topics: list[str]
    clusters: dict[str, list[str | None]]
    filter_servers: list[tuple[str, str, list[str | None]]]
    mappings: list[tuple[str, TopicQueueMappingInfo]]
    gone_millis: dict[str | None, Int64]
    leases: list[LeaseRecord]
    served_millis: ServedMillis
    changed_groups: list[str] | None = None


class EndRecord(Struct, array_like=True, frozen=True):
    """The number of groups in the file."""

    groups: int


class Place(NamedTuple):
    """The place of a record in its file, including its head."""

    offset: int
    length: int


def write_record(kind: int, value: Struct) -> bytes:
    """One record, including its head."""
    plain = msgspec.to_builtins(value, builtin_types=(bytes,))
    payload: bytes = msgpack.packb(plain, unicode_errors="surrogatepass")
    return _HEAD.pack(kind, len(payload), zlib.crc32(payload)) + payload


class Pieces(NamedTuple):
    """A record in pieces, which the writing thread joins."""

    kind: int
    pieces: list[bytes]

    def whole(self) -> Iterator[bytes]:
        """The record, including its head, piece by piece."""
        checksum = 0
        for piece in self.pieces:
            checksum = zlib.crc32(piece, checksum)
        yield _HEAD.pack(self.kind, sum(map(len, self.pieces)), checksum)
        yield from self.pieces


def array_head(length: int) -> bytes:
    """The first bytes of a MessagePack array of `length` values."""
    return b"\xdd" + length.to_bytes(4, "big")


def bytes_head(length: int) -> bytes:
    """The first bytes of `length` bytes in MessagePack."""
    return b"\xc6" + length.to_bytes(4, "big")


def is_record(data: bytes) -> bool:
    """Whether this is one whole record."""
    if len(data) < _HEAD.size:
        return False
    kind, length, checksum = _HEAD.unpack_from(data)
    payload = memoryview(data)[_HEAD.size :]
    return kind in _KINDS and len(payload) == length and zlib.crc32(payload) == checksum


def split_records(data: bytes) -> Iterator[tuple[int, Place, memoryview]]:
    """Kind, place and payload of each record. Raises SnapshotInvalid."""
    offset = _after_first_line(data)
    whole = memoryview(data)
    while offset < len(data):
        start = offset + _HEAD.size
        if start > len(data):
            raise SnapshotInvalid(f"it ends in the middle of a record at byte {offset}")
        kind, length, checksum = _HEAD.unpack_from(data, offset)
        payload = whole[start : start + length]
        if kind not in _KINDS or len(payload) != length:
            raise SnapshotInvalid(f"there is no whole record at byte {offset}")
        if zlib.crc32(payload) != checksum:
            raise SnapshotInvalid(
                f"the checksum of the record at byte {offset} differs"
            )
        yield kind, Place(offset, _HEAD.size + length), payload
        offset = start + length


def read_payload(shape: type[_Shape], payload: memoryview) -> _Shape:
    """A record's value. Raises SnapshotInvalid."""
    try:
        plain: Any = msgpack.unpackb(
            payload, unicode_errors="surrogatepass", strict_map_key=False
        )
        return msgspec.convert(plain, shape, builtin_types=(bytes,))
    except _UNREADABLE as exc:
        raise SnapshotInvalid(f"a {shape.__name__} cannot be read: {exc}") from None


def _after_first_line(data: bytes) -> int:
    if data.startswith(FIRST_LINE):
        return len(FIRST_LINE)
    line = data[: data.find(b"\n")] if b"\n" in data[:80] else data[:40]
    if line.startswith(_NAMED_VERSION):
        version = line.removeprefix(_NAMED_VERSION).decode("latin-1")
        raise SnapshotInvalid(f"version {version!r} of its form is not known")
    raise SnapshotInvalid(f"it begins with {line[:40]!r}, which no snapshot does")

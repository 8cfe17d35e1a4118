"""The shared tables of a snapshot's groups, packed in pieces between other work.

The names of topics are those at the end: topics that came or went during packing are
added and removed then. Each mapping of a static topic is of some moment of packing; the
next file has later changes.
"""

from collections.abc import Iterator
from itertools import islice, takewhile
from typing import Final, NamedTuple

import msgpack
from msgspec import to_builtins

from namesrv._impl import TopicQueues
from namesrv.routing.brokers.leases import Leases
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.routing.warm_start.pack import packed_numbers
from namesrv.routing.warm_start.records import TABLES, Pieces, array_head, bytes_head
from namesrv.wire.bodies import TopicQueueMappingInfo

PIECE_TOPICS: Final = 1024
"""Topics, or mappings, of one step, which takes about half a millisecond."""
_MEMBERS: Final = 11


class _Piece(NamedTuple):
    """Some topics: their numbers, and their names in MessagePack."""

    entries: list[TopicQueues]
    numbers: bytes
    names: bytes


class FileFacts(NamedTuple):
    """The date of a file, the options on which the digests of its groups depend, and
    the groups that changed after they were packed; None if these are unknown."""

    saved_millis: int
    options: dict[str, str]
    changed_groups: list[str] | None


class PackedTables:
    """The record after the last group, while it is made."""

    def __init__(self, tables: RouteTables) -> None:
        self._tables = tables
        self._packer = msgpack.Packer(unicode_errors="surrogatepass")
        self._begin()
        self._mappings: list[bytes] = []
        self._mapping_count = 0
        self._waiting_mappings: Iterator[tuple[str, TopicQueueMappingInfo]]
        self._waiting_mappings = self._each_mapping()

    def _begin(self) -> None:
        tables = self._tables
        self._first_number = tables.numbers.next
        self._rounds = tables.numbers.rounds
        self._removals = tables.topic_removals
        self._pieces: list[_Piece] = []
        self._waiting = iter(list(tables.topic_queue_table.values()))

    def pack_next(self) -> bool:
        """Pack another piece; False if none is left."""
        entries = list(islice(self._waiting, PIECE_TOPICS))
        if entries:
            self._pieces.append(self._piece(entries))
            return True
        mappings = list(islice(self._waiting_mappings, PIECE_TOPICS))
        self._mapping_count += len(mappings)
        if mappings:
            self._mappings.append(b"".join(map(self._mapping, mappings)))
        return bool(mappings)

    def finish(self, facts: FileFacts, leases: Leases, now_ms: int) -> Pieces:
        """The record."""
        while self.pack_next():
            pass
        pieces = self._topics_as_they_are()
        numbers = [piece.numbers for piece in pieces]
        topics = sum(len(piece.entries) for piece in pieces)
        tables, pack = self._tables, self._packer.pack
        filters = tables.filter_server_table.items()
        left = leases.left_millis().items()
        gone = {name: now_ms - at for name, at in tables.gone_since.items()}
        clusters = {c: list(names) for c, names in tables.cluster_addr_table.items()}
        return Pieces(
            TABLES,
            [
                array_head(_MEMBERS) + pack(facts.saved_millis) + pack(facts.options),
                bytes_head(sum(map(len, numbers))),
                *numbers,
                array_head(topics),
                *(piece.names for piece in pieces),
                pack(clusters),
                pack([(*key, servers) for key, servers in filters]),
                array_head(self._mapping_count),
                *self._mappings,
                pack(gone),
                pack([(*key, millis) for key, millis in left]),
                pack(leases.served_millis),
                pack(facts.changed_groups),
            ],
        )

    def _piece(self, entries: list[TopicQueues]) -> _Piece:
        names = b"".join([self._packer.pack(entry.topic) for entry in entries])
        return _Piece(entries, packed_numbers([e.number for e in entries]), names)

    def _topics_as_they_are(self) -> list[_Piece]:
        tables = self._tables
        if tables.numbers.rounds != self._rounds:
            self._begin()
            while self.pack_next():
                pass
        pieces = self._pieces
        if tables.topic_removals != self._removals:
            pieces = list(map(self._without_gone, pieces))
        came = takewhile(self._is_new, reversed(tables.topic_queue_table.values()))
        return [*pieces, self._piece(list(came))]

    def _is_new(self, entry: TopicQueues) -> bool:
        return entry.number >= self._first_number

    def _without_gone(self, piece: _Piece) -> _Piece:
        """Drop topics that are gone: they have no queues."""
        here = [entry for entry in piece.entries if entry.queues]
        return piece if len(here) == len(piece.entries) else self._piece(here)

    def _each_mapping(self) -> Iterator[tuple[str, TopicQueueMappingInfo]]:
        table = self._tables.topic_queue_mapping_info_table
        for topic in list(table):
            for info in list(table.get(topic, {}).values()):
                yield topic, info

    def _mapping(self, mapping: tuple[str, TopicQueueMappingInfo]) -> bytes:
        packed: bytes = self._packer.pack(to_builtins(mapping))
        return packed

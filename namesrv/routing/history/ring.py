"""The last events of this run, bounded in bytes."""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from namesrv.routing.events import Event
from namesrv.routing.history.record import Record, record_of

RECORD_BYTES: Final = 200
"""Memory that a record takes besides its content."""
MOST_RECORD_BYTES: Final = 4 << 20
"""Content of a record, for readers and in a large ring."""
_SHARE: Final = 8
"""A record has at most this part of the ring; in a small one it may have LEAST_BYTES,
or half of the ring."""
LEAST_BYTES: Final = 2048
_READ_AT_ONCE: Final = 256
_FEW: Final = 1024
"""Places of dropped records that are kept, until there are as many as others."""

Reader: TypeAlias = Callable[[Record], None]
"""Gets each record. It is called on the loop, so it must not wait."""


class History:
    """Records of the last events, oldest first; they take at most `most_bytes`.

    It is a sink of the stream of events (`note`). Events are numbered from 1, without a
    gap. `last` is the number of the last event, also if the ring has no room for it.
    `first` is the oldest that the ring still has, `last + 1` if there is none.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        share = max(most_bytes // _SHARE, min(most_bytes // 2, LEAST_BYTES))
        self._most_record_bytes = min(share - RECORD_BYTES, MOST_RECORD_BYTES)
        self._records: list[Record | None] = []
        self._dropped = 0
        self._readers: list[Reader] = []
        self.last = 0
        self.bytes = 0

    def __len__(self) -> int:
        """The number of records."""
        return len(self._records) - self._dropped

    @property
    def first(self) -> int:
        """The number of the oldest record."""
        return self.last + 1 - len(self)

    def note(self, event: Event) -> None:
        """Keep an event, and drop the oldest ones that it leaves no room for."""
        number = self.last + 1
        kept = None
        if self._most_bytes:
            kept = record_of(event, number, self._most_record_bytes)
        record = kept
        if self._readers and (kept is None or kept.is_cut):
            # Readers have bounds of their own.
            record = record_of(event, number, MOST_RECORD_BYTES)
        self.last = number
        if kept is not None:
            self._keep(kept)
        if record is not None:
            for reader in tuple(self._readers):
                reader(record)

    def _keep(self, record: Record) -> None:
        self._records.append(record)
        self.bytes += RECORD_BYTES + len(record.content)
        while self.bytes > self._most_bytes:
            dropped = self._records[self._dropped]
            assert dropped is not None
            self._records[self._dropped] = None
            self._dropped += 1
            self.bytes -= RECORD_BYTES + len(dropped.content)
        if self._dropped > max(_FEW, len(self)):
            del self._records[: self._dropped]
            self._dropped = 0

    def find(self, number: int) -> Record | None:
        """The record of a number, None if it is gone or still to come."""
        if not self.first <= number <= self.last:
            return None
        return self._records[self._dropped + number - self.first]

    def after(self, number: int, most: int | None = None) -> list[Record]:
        """The records after a number, oldest first, at most so many; those that are
        gone are missing."""
        begin = self._dropped + max(number + 1 - self.first, 0)
        end = None if most is None else begin + most
        return [record for record in self._records[begin:end] if record is not None]

    def newest_first(self, before: int | None = None) -> Iterator[Record]:
        """The records as they are now, those before a number only, the last one first.
        Records that are dropped meanwhile are left out."""
        number = self.last if before is None else min(before - 1, self.last)
        while number >= self.first:
            begin = self._dropped + max(number - _READ_AT_ONCE, self.first - 1)
            begin -= self.first - 1
            end = self._dropped + number - self.first + 1
            some = self._records[begin:end]
            for record in reversed(some):
                if record is not None:
                    yield record
            number -= len(some)

    def add(self, reader: Reader) -> None:
        """Call `reader` with every record from now on."""
        self._readers.append(reader)

    def remove(self, reader: Reader) -> None:
        """End the calls of a reader."""
        self._readers.remove(reader)

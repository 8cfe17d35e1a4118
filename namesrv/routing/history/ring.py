"""The last events of this run, bounded in bytes."""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, TypeAlias

from namesrv.routing.events import Event
from namesrv.routing.history.record import Record, record_of

RECORD_BYTES: Final = 200
"""Memory that a record takes besides its content."""
_SHARE: Final = 8
"""A record has at most this part of the ring."""
_NAME_BYTES: Final = 32
"""A usual name of a topic with its length."""

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
        self._most_names = max(most_bytes // _SHARE // _NAME_BYTES, 16)
        self._records: deque[Record] = deque()
        self._readers: list[Reader] = []
        self.last = 0
        self.bytes = 0

    def __len__(self) -> int:
        """The number of records."""
        return len(self._records)

    @property
    def first(self) -> int:
        """The number of the oldest record."""
        return self.last + 1 - len(self._records)

    def note(self, event: Event) -> None:
        """Keep an event, and drop the oldest ones that it leaves no room for."""
        self.last += 1
        record = record_of(event, self.last, self._most_names)
        self._records.append(record)
        self.bytes += RECORD_BYTES + len(record.content)
        while self.bytes > self._most_bytes:
            dropped = self._records.popleft()
            self.bytes -= RECORD_BYTES + len(dropped.content)
        for reader in tuple(self._readers):
            reader(record)

    def after(self, number: int) -> list[Record]:
        """The records after a number, oldest first; those that are gone are missing."""
        count = min(max(self.last - number, 0), len(self._records))
        return list(islice(reversed(self._records), count))[::-1]

    def newest_first(self) -> Iterator[Record]:
        """All records as they are now, the last one first."""
        return iter(tuple(reversed(self._records)))

    def add(self, reader: Reader) -> None:
        """Call `reader` with every record from now on."""
        self._readers.append(reader)

    def remove(self, reader: Reader) -> None:
        """End the calls of a reader."""
        self._readers.remove(reader)

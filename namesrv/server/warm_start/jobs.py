"""What the writing thread does for snapshots: files, partly copied, and stamps."""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from namesrv.errors import StorageError
from namesrv.routing.warm_start.records import (
    FIRST_LINE,
    MOST_SERVED_MILLIS,
    Pieces,
    Place,
    is_record,
)
from namesrv.server.clock import wall_millis
from namesrv.server.files.atomic import open_to_read


class SnapshotJob:
    """A whole file. A record that is a place is copied from the file as it is."""

    def __init__(
        self,
        path: str,
        records: list[bytes | Place | Pieces],
        done: Callable[[StorageError | None], None],
    ) -> None:
        self.path = path
        self.done = done
        self._records = records

    def content(self) -> Iterator[bytes]:
        """All of it, piece by piece. Raises StorageError."""
        yield FIRST_LINE
        descriptor: int | None = None
        try:
            for record in self._records:
                if isinstance(record, bytes):
                    yield record
                    continue
                if isinstance(record, Pieces):
                    yield from record.whole()
                    continue
                if descriptor is None:
                    descriptor = open_to_read(self.path)
                yield self._copied(descriptor, record)
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def _copied(self, descriptor: int, place: Place) -> bytes:
        record = os.pread(descriptor, place.length, place.offset)
        if not is_record(record):
            raise StorageError(
                "read", self.path, "it is not as it was written; it will be written new"
            )
        return record


class Stamp(NamedTuple):
    """Our last sign of life: its date, and how long brokers could have been heard of
    until then, in all runs together; 0 where it is not known."""

    seen_millis: int
    served_millis: int

    @classmethod
    def read(cls, data: bytes) -> "Stamp":
        """From the file: decimal digits on two lines; older ones have only one."""
        try:
            numbers = [int(line) for line in data.splitlines()[:2]]
        except ValueError:
            numbers = []
        seen_millis, served_millis, *_ = [*numbers, 0, 0]
        is_possible = 0 <= served_millis <= MOST_SERVED_MILLIS
        return cls(seen_millis, served_millis if is_possible else 0)


class StampJob:
    """The date of our last sign of life, and how long we had served then."""

    def __init__(
        self,
        path: str,
        served_millis: int,
        done: Callable[[StorageError | None], None],
    ) -> None:
        self.path = path
        self.done = done
        self._served_millis = served_millis

    def content(self) -> Iterable[bytes]:
        """As decimal digits, a line each."""
        return [b"%d\n%d\n" % (wall_millis(), self._served_millis)]

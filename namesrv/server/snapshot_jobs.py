"""What the writing thread does for snapshots: files, partly copied, and stamps."""

import os
from collections.abc import Callable, Iterable, Iterator

from namesrv.errors import StorageError
from namesrv.server.clock import wall_millis
from namesrv.server.files import open_to_read
from namesrv.wire.snapshot_records import FIRST_LINE, Place, is_record


class SnapshotJob:
    """A whole file. A record that is a place is copied from the file as it is."""

    def __init__(
        self,
        path: str,
        records: list[bytes | Place],
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


class StampJob:
    """The date of our last sign of life."""

    def __init__(self, path: str, done: Callable[[StorageError | None], None]) -> None:
        self.path = path
        self.done = done

    def content(self) -> Iterable[bytes]:
        """As decimal digits."""
        return [b"%d\n" % wall_millis()]

"""Jobs for the thread that writes snapshots: files, partly copied, and stamps."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from namesrv.errors import StorageError
from namesrv.routing.warm_start.records import (
    FIRST_LINE,
    MOST_SERVED_MILLIS,
    Pieces,
    Place,
)
from namesrv.server.warm_start.files import Files, OpenFile


class SnapshotJob:
    """A whole file. A record that is a place is copied from the file as it is. The
    callback gets the bytes of the file with the failure or None."""

    def __init__(
        self,
        path: str,
        records: list[bytes | Place | Pieces],
        files: Files,
        done: Callable[[int, StorageError | None], None],
    ) -> None:
        self.path = path
        self._done = done
        self._records = records
        self._files = files
        self._size_bytes = 0

    def done(self, error: StorageError | None) -> None:
        """Called on the loop after the write."""
        self._done(self._size_bytes, error)

    def content(self) -> Iterator[bytes]:
        """All of it, piece by piece. Raises StorageError."""
        for piece in self._pieces():
            self._size_bytes += len(piece)
            yield piece

    def _pieces(self) -> Iterator[bytes]:
        yield FIRST_LINE
        old: OpenFile | None = None
        try:
            for record in self._records:
                if isinstance(record, bytes):
                    yield record
                    continue
                if isinstance(record, Pieces):
                    yield from record.whole()
                    continue
                if old is None:
                    old = self._files.open(self.path)
                yield old.record_at(record)
        finally:
            if old is not None:
                old.close()


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
    """The date of our last sign of life, and the served time until then."""

    def __init__(
        self,
        path: str,
        served_millis: int,
        wall_millis: Callable[[], int],
        done: Callable[[StorageError | None], None],
    ) -> None:
        self.path = path
        self.done = done
        self._served_millis = served_millis
        self._wall_millis = wall_millis

    def content(self) -> Iterable[bytes]:
        """As decimal digits, a line each."""
        return [b"%d\n%d\n" % (self._wall_millis(), self._served_millis)]

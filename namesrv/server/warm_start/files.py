"""The two files of a warm start, on a disk."""

import os
from typing import Protocol

from namesrv.errors import StorageError
from namesrv.routing.warm_start.records import Place, is_record
from namesrv.server.files.atomic import open_to_read, read
from namesrv.server.files.set_aside import set_aside
from namesrv.server.logs.events import EventLog


class OpenFile(Protocol):
    """A file whose records are copied into the next one."""

    def record_at(self, place: Place) -> bytes:
        """One record. Raises StorageError unless it is as it was written."""

    def close(self) -> None:
        """Read no more."""


class Files(Protocol):
    """The disk, or a simulated one. All methods raise StorageError."""

    def read(self, path: str) -> bytes | None:
        """The whole content; None for no file."""

    def open(self, path: str) -> OpenFile:
        """A file to copy from; called in the thread that writes."""

    def set_aside(self, path: str, reason: str, event: str) -> None:
        """Keep an unusable file under another name, and log the event."""


class DiskFiles:
    """Files of the machine."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def read(self, path: str) -> bytes | None:
        """The whole content; None for no file."""
        return read(path)

    def open(self, path: str) -> OpenFile:
        """A file to copy from."""
        return _OpenDiskFile(path)

    def set_aside(self, path: str, reason: str, event: str) -> None:
        """Keep an unusable file under another name, and log the event."""
        set_aside(path, reason, event, self._log)


class _OpenDiskFile:
    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = open_to_read(path)

    def record_at(self, place: Place) -> bytes:
        record = os.pread(self._descriptor, place.length, place.offset)
        if not is_record(record):
            raise StorageError(
                "read",
                self._path,
                "it is not as it was written; it will be written new",
            )
        return record

    def close(self) -> None:
        os.close(self._descriptor)

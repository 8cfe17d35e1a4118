"""The directory of a recorder: segments that are appended to, and dropped when old.

A thread writes, so that a disk never blocks the loop. A write that fails leaves the
segment as it was before, and the next one begins another segment.
"""

import contextlib
import fcntl
import os
from typing import Final

from namesrv.errors import PlaceInUse, RecordingInvalid, StartFailed
from namesrv.routing.history.segments import (
    FIRST_LINE,
    check_first_line,
    segment_name,
    segment_number,
)
from namesrv.server.files.atomic import (
    CAUTION,
    letting_go,
    open_to_read,
    reason_of,
)

FILE_MODE: Final = 0o640
_LONGEST_LINE: Final = 64
_NO_DIRECTORY: Final = (FileExistsError, NotADirectoryError)
_HINT: Final = "choose another one with --record"


class SegmentDirectory:
    """Segments of at most `most_bytes` in all, the newest one open for writing.

    It is the outlet of a LineWriter: `write` appends frames, and `begin_segment` has
    the next one go to a new segment. `size_bytes` are those of all segments.
    """

    encoding = "utf-8"

    def __init__(self, path: str, most_bytes: int) -> None:
        self.path = os.path.abspath(path)
        self._most_bytes = most_bytes
        self._sizes: dict[int, int] = {}
        self._descriptor: int | None = None
        self._lock: int | None = None

    @property
    def size_bytes(self) -> int:
        """Bytes of all segments."""
        return sum(self._sizes.values())

    def open(self) -> str | None:
        """Make and lock the directory; a sentence if it cannot be written yet.

        Raises StartFailed if it is no directory, has segments of a newer version, or
        another process writes to it.
        """
        try:
            os.makedirs(self.path, exist_ok=True)
            self._lock_it()
            self._find_segments()
        except _NO_DIRECTORY as error:
            raise self._unusable(reason_of(error)) from None
        except OSError as error:
            return self._warning(reason_of(error))
        if not os.access(self.path, os.W_OK | os.X_OK):
            return self._warning("it is read-only")
        return None

    def _warning(self, reason: str) -> str:
        return (
            f"the directory of the recorder {self.path} cannot be written ({reason});"
            " events are not recorded until it can"
        )

    def _unusable(self, reason: str) -> StartFailed:
        return StartFailed(
            f"cannot use {self.path} as the directory of the recorder: {reason};"
            f" {_HINT}"
        )

    def _lock_it(self) -> None:
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise PlaceInUse(
                f"the directory of the recorder {self.path} is in use by another"
                f" process; {_HINT}"
            ) from None
        except OSError:
            pass  # a file system without locks

    def _find_segments(self) -> None:
        for entry in os.scandir(self.path):
            number = segment_number(entry.name)
            if number is not None and entry.is_file(follow_symlinks=False):
                self._sizes[number] = entry.stat(follow_symlinks=False).st_size
        if self._sizes:
            self._check_version(self._path_of(max(self._sizes)))

    def _check_version(self, path: str) -> None:
        with open(open_to_read(path), "rb") as file:
            line = file.read(_LONGEST_LINE)
        if not line:
            return
        try:
            check_first_line(line)
        except RecordingInvalid as error:
            self.close()
            raise StartFailed(
                f"cannot record in {self.path}: {os.path.basename(path)} cannot be"
                f" read, {error}; {_HINT}"
            ) from None

    def write(self, data: bytes) -> None:
        """Append whole frames. Raises OSError; the segment is then as before."""
        if not data:
            return
        descriptor = self._current()
        number = max(self._sizes)
        written = 0
        try:
            while written < len(data):
                written += os.write(descriptor, data[written:])
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, self._sizes[number])
            self.begin_segment()
            raise
        self._sizes[number] += written
        self._drop_oldest()

    def begin_segment(self) -> None:
        """The next write goes to a new segment."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def close(self) -> None:
        """No further writes follow."""
        self.begin_segment()
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    def _current(self) -> int:
        """The descriptor of the segment, a new one if there is none."""
        if self._descriptor is not None and self._has_name(self._descriptor):
            return self._descriptor
        self.begin_segment()
        os.makedirs(self.path, exist_ok=True)
        number, descriptor = self._created()
        path = self._path_of(number)
        try:
            os.write(descriptor, FIRST_LINE)
        except OSError:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise
        self._descriptor = descriptor
        self._sizes[number] = len(FIRST_LINE)
        return descriptor

    def _created(self) -> tuple[int, int]:
        """The number and the descriptor of a new file."""
        number = max(self._sizes, default=0) + 1
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | CAUTION
        try:
            return number, os.open(self._path_of(number), flags, FILE_MODE)
        except FileExistsError:
            # Something else has the name: begin after all names.
            number = max(self._numbers()) + 1
            return number, os.open(self._path_of(number), flags, FILE_MODE)

    def _numbers(self) -> list[int]:
        """The numbers in all names of the directory, those of other things, too."""
        found = map(segment_number, os.listdir(self.path))
        return [number for number in found if number is not None]

    def _has_name(self, descriptor: int) -> bool:
        """Whether nobody has deleted the file."""
        return os.fstat(descriptor).st_nlink > 0

    def _drop_oldest(self) -> None:
        while len(self._sizes) > 1 and self.size_bytes > self._most_bytes:
            oldest = min(self._sizes)
            path = self._path_of(oldest)
            with contextlib.suppress(FileNotFoundError), letting_go(path):
                os.unlink(path)
            del self._sizes[oldest]

    def _path_of(self, number: int) -> str:
        return os.path.join(self.path, segment_name(number))

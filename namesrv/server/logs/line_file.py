"""A file that lines are appended to: the log file and the audit log.

The file is reopened if its name is gone or belongs to another file, so that logrotate
and `rm` lose no line, and it is rotated at its maximum size. Only regular files are
written: a pipe could block, and a link could lead anywhere.
"""

import contextlib
import errno
import os
import stat
import time
from collections.abc import Callable
from typing import Final

_FLAGS: Final = (
    os.O_WRONLY
    | os.O_APPEND
    | os.O_CREAT
    | os.O_CLOEXEC
    | os.O_NOFOLLOW
    | os.O_NONBLOCK
)
_CHECK_SECONDS: Final = 1.0
_KINDS: Final = {
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class LineFile:
    """Appends lines to `path`; a new file gets `mode`, an old one keeps its own.

    The file is renamed to `path`.1 at `max_bytes`; `backups` old ones are kept.
    `monotonic` returns seconds.
    """

    encoding = "utf-8"

    def __init__(
        self,
        path: str,
        mode: int,
        max_bytes: int,
        backups: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self._mode = mode
        self._max_bytes = max_bytes
        self._backups = backups
        self._monotonic = monotonic
        self._descriptor: int | None = None
        self._next_check = 0.0
        self._next_roll = 0.0
        self._is_cut = False

    def open(self) -> None:
        """Make the folder and open the file. Raises OSError with a `strerror`."""
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self._descriptor = self._opened()

    def write(self, data: bytes) -> None:
        """Append `data`, which may be empty. Raises OSError; the next write then opens
        the file again."""
        try:
            self._append(self._rolled(self._current()), data)
        except OSError:
            self.close()
            raise

    def check_soon(self) -> None:
        """Check with the next write whether the name belongs to another file."""
        self._next_check = 0.0

    def close(self) -> None:
        """Close the file; the next write opens it again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _append(self, descriptor: int, data: bytes) -> None:
        if self._is_cut and data:
            # The last write stopped in the middle of a line.
            data = b"\n" + data
        written = 0
        while written < len(data):
            written += os.write(descriptor, data[written:])
            self._is_cut = written < len(data)

    def _opened(self) -> int:
        """A new descriptor, without blocking. Raises OSError if it is not a file."""
        with contextlib.suppress(FileNotFoundError):
            check_kind(os.lstat(self.path).st_mode)
        descriptor = os.open(self.path, _FLAGS, self._mode)
        try:
            check_kind(os.fstat(descriptor).st_mode)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def _current(self) -> int:
        """The descriptor, reopened if the name is gone or belongs to another file."""
        old = self._descriptor
        if old is None:
            self._descriptor = self._opened()
            return self._descriptor
        has_name = os.fstat(old).st_nlink > 0
        now = self._monotonic()
        if has_name and now < self._next_check:
            return old
        self._next_check = now + _CHECK_SECONDS
        if has_name and self._is_in_place(old):
            return old
        return self._replaced(old, has_name)

    def _is_in_place(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.lstat(self.path), os.fstat(descriptor))
        except OSError:
            return False

    def _replaced(self, old: int, has_name: bool) -> int:
        """The file of that name; the old one if that fails and it still has a name."""
        try:
            self._descriptor = self._opened()
        except OSError:
            if has_name:
                return old
            self.close()
            raise
        os.close(old)
        return self._descriptor

    def _rolled(self, descriptor: int) -> int:
        """The descriptor, of a new file if the old one has its maximum size.

        If rotation fails, the old file stays in use, and rotation is retried later.
        """
        if os.fstat(descriptor).st_size < self._max_bytes:
            return descriptor
        now = self._monotonic()
        if now < self._next_roll:
            return descriptor
        begun = descriptor
        with contextlib.suppress(OSError):
            self._rename()
            begun = self._replaced(descriptor, has_name=True)
        if begun == descriptor:
            self._next_roll = now + _CHECK_SECONDS
        return begun

    def _rename(self) -> None:
        for number in range(self._backups, 0, -1):
            source = f"{self.path}.{number - 1}" if number > 1 else self.path
            with contextlib.suppress(FileNotFoundError):
                os.rename(source, f"{self.path}.{number}")


def check_kind(mode: int) -> None:
    """Raises OSError unless it is the mode of a regular file."""
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    kind = _KINDS.get(stat.S_IFMT(mode))
    if kind is not None:
        raise OSError(errno.EINVAL, f"it is {kind}, and only regular files are written")

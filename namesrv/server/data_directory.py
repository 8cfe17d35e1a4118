"""The data directory: made, locked, and written to by one process at a time."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterable
from typing import Final

from namesrv.errors import StartFailed, StorageError
from namesrv.server.files import FILE_MODE, reason_of, write_atomically

LOCK_FILE: Final = "namesrv.lock"
_CANNOT_WRITE: Final = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC)


class DataDirectory:
    """The one directory that a server writes to, held by one process at a time.

    After `open`, `warning` is None, or a sentence: it cannot be written to, and why.
    Such a server serves, and refuses changes that it would have to keep in a file.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self.warning: str | None = None
        self._lock: int | None = None

    def open(self) -> None:
        """Make the directory where it is missing, and lock it.

        Raises `StartFailed` when another process holds it, or it is no directory.
        """
        try:
            os.makedirs(self.path, exist_ok=True)
            self._lock = _open_lock_file(os.path.join(self.path, LOCK_FILE))
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self._held_by_another() from None
        except OSError as error:
            self.close()
            if error.errno not in _CANNOT_WRITE:
                raise StartFailed(
                    f"cannot use the data directory {self.path}: {reason_of(error)};"
                    " choose another one with --data-dir"
                ) from None
            self._warn(reason_of(error))
        else:
            self._write_pid()
            if not os.access(self.path, os.W_OK):
                self._warn("read-only")

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Replace a file here or, where the operator says so, elsewhere. Blocks.

        Raises `StorageError`; then the file is what it was.
        """
        target = os.path.realpath(path)
        # The cause may have gone since, but another process may hold the lock now.
        if self._lock is None and target.startswith(os.path.realpath(self.path) + "/"):
            raise StorageError("write", path, "the data directory is not locked by us")
        write_atomically(path, chunks)

    def close(self) -> None:
        """Let another process have the directory."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _warn(self, reason: str) -> None:
        self.warning = (
            f"the data directory {self.path} cannot be written ({reason}):"
            " changes of the KV table and of the configuration will be refused;"
            " choose another one with --data-dir"
        )

    def _held_by_another(self) -> StartFailed:
        assert self._lock is not None
        holder = os.pread(self._lock, 20, 0).decode("ascii", "replace").strip()
        self.close()
        pid = f"process {holder}" if holder.isdecimal() else "another process"
        return StartFailed(
            f"the data directory {self.path} is in use by {pid};"
            " stop that one, or choose another directory with --data-dir"
        )

    def _write_pid(self) -> None:
        assert self._lock is not None
        # On a full disk the lock still holds, only its reader learns no pid.
        with contextlib.suppress(OSError):
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)


def _open_lock_file(path: str) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise
        try:
            # Somebody else's lock file can be locked without being written.
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            raise error from None

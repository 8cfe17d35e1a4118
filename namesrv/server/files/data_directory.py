"""The data directory: made, locked, and written to by one process at a time."""

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterable
from typing import Final

from namesrv.errors import StartFailed, StorageError
from namesrv.server.files.atomic import (
    CAUTION,
    FILE_MODE,
    obstacle,
    reason_of,
    write_atomically,
)

LOCK_FILE: Final = "namesrv.lock"
_CANNOT_WRITE: Final = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC)
_KNOWS_NO_LOCKS: Final = (
    errno.ENOSYS,
    errno.EOPNOTSUPP,
    errno.ENOLCK,
    errno.EINVAL,
)
_LONGEST_HOLDER_BYTES: Final = 512


class DataDirectory:
    """The one directory that a server writes to, held by one process at a time.

    After `open`, `warning` is None, or a sentence with the reason why the directory
    cannot be written or locked. If `can_write` is false, the server serves, and refuses
    changes that go to a file.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self.warning: str | None = None
        self.can_write = True
        self._lock: int | None = None

    def open(self) -> None:
        """Make the directory if it is missing, and lock it.

        Raises `StartFailed` if another process holds it or it is not a directory.
        """
        try:
            os.makedirs(self.path, exist_ok=True)
            self._lock = self._open_lock_file()
            self._lock_it(self._lock)
        except OSError as error:
            self.close()
            if error.errno not in _CANNOT_WRITE:
                raise self._unusable(reason_of(error)) from None
            self._warn_of_writing(reason_of(error))
        else:
            self._write_holder(self._lock)
            if not os.access(self.path, os.W_OK):
                self._warn_of_writing("read-only")

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Replace a file, here or where the options place it. Blocks.

        Raises `StorageError`; the file is then unchanged.
        """
        target = os.path.realpath(path)
        # The obstacle may be gone, but another process may hold the lock by now.
        if self._lock is None and target.startswith(os.path.realpath(self.path) + "/"):
            raise StorageError("write", path, "the data directory is not locked by us")
        write_atomically(path, chunks)

    def close(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _open_lock_file(self) -> int:
        path = os.path.join(self.path, LOCK_FILE)
        reason = obstacle(path)
        if reason is None:
            descriptor = _open_lock_file(path)
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return descriptor
            os.close(descriptor)
            reason = "it is no file; move it away"
        raise StartFailed(f"cannot lock the data directory with {path}: {reason}")

    def _lock_it(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self._held_by_another(descriptor) from None
        except OSError as error:
            if error.errno not in _KNOWS_NO_LOCKS:
                raise
            self.warning = (
                f"the data directory {self.path} cannot be locked, because its file"
                f" system knows no locks ({reason_of(error)}): see to it that no other"
                " server uses it, or choose another one with --data-dir"
            )

    def _warn_of_writing(self, reason: str) -> None:
        self.can_write = False
        self.warning = (
            f"the data directory {self.path} cannot be written ({reason}):"
            " changes of the KV table and of the configuration will be refused;"
            " choose another one with --data-dir"
        )

    def _unusable(self, reason: str) -> StartFailed:
        return StartFailed(
            f"cannot use the data directory {self.path}: {reason};"
            " choose another one with --data-dir"
        )

    def _held_by_another(self, descriptor: int) -> StartFailed:
        content = os.pread(descriptor, _LONGEST_HOLDER_BYTES, 0)
        self.close()
        return StartFailed(
            f"the data directory {self.path} is in use by {_holder_text(content)};"
            " stop that one, or choose another directory with --data-dir"
        )

    def _write_holder(self, descriptor: int) -> None:
        # On a full disk the lock still holds, and only the pid is missing in it.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n{_place()}\n".encode(), 0)


def _open_lock_file(path: str) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | CAUTION, FILE_MODE)
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise
        try:
            # The lock file of another user can be locked without write access.
            return os.open(path, os.O_RDONLY | CAUTION)
        except OSError:
            raise error from None


def _place() -> str:
    """The scope of our pid: its namespace and the machine."""
    namespace = "-"
    with contextlib.suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid")
    return f"{namespace} {os.uname().nodename}"


def _holder_text(content: bytes) -> str:
    """The holder of the lock, from the pid and the scope that it wrote."""
    pid, _, rest = content.decode("utf-8", "replace").partition("\n")
    place = rest.partition("\n")[0]
    if not pid.isdecimal():
        return "another process"
    if place in ("", _place()):
        return f"process {pid}"
    host = place.partition(" ")[2]
    return f"process {pid} of another container or machine, whose host name is {host}"

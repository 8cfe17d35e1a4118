"""Files: the locked data directory, atomic replacement, and a thread that writes.

docs/architecture.md, "Files". A write goes to a temporary file, is synced and renamed,
so that a reader, a crash or a full disk meets either the old content or the new one.
"""

import asyncio
import contextlib
import errno
import fcntl
import logging
import os
import queue
import stat
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from namesrv.errors import StartFailed, StorageError

LOCK_FILE: Final = "namesrv.lock"
FILE_MODE: Final = 0o644
_CANNOT_WRITE: Final = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC)
_LOGGER: Final = logging.getLogger("namesrv")


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
                    f"cannot use the data directory {self.path}: {_reason(error)};"
                    " choose another one with --data-dir"
                ) from None
            self._warn(_reason(error))
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


def read(path: str) -> bytes | None:
    """The content of a file, or None when there is no such file.

    Raises `StorageError` for whatever else is in the way.
    """
    try:
        # A pipe would be waited for until somebody writes to it.
        with open(path, "rb", opener=_open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise StorageError("read", path, "it is not a regular file")
            return file.read()
    except FileNotFoundError:
        return None
    except MemoryError:
        raise StorageError("read", path, "it does not fit into memory") from None
    except OSError as error:
        raise StorageError("read", path, _reason(error)) from None


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def write_atomically(path: str, chunks: Iterable[bytes]) -> None:
    """Replace the content of a file as a whole, or not at all. Blocks.

    Missing folders are made; mode and owner of an existing file are kept, and a link
    stays one. Raises `StorageError`; then the file is what it was.
    """
    try:
        target = os.path.realpath(path)
        folder = os.path.dirname(target)
        os.makedirs(folder, exist_ok=True)
        with _temporary(target + ".tmp") as temporary:
            _write_synced(temporary, chunks, target)
            os.rename(temporary, target)
    except (OSError, ValueError) as error:
        raise StorageError("write", path, _reason(error)) from None
    _sync_folder(folder)


@contextlib.contextmanager
def _temporary(path: str) -> Iterator[str]:
    try:
        yield path
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise


def _write_synced(path: str, chunks: Iterable[bytes], like: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, FILE_MODE)
    try:
        _copy_access(like, descriptor)
        for chunk in chunks:
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy_access(path: str, descriptor: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        status = os.stat(path)
        os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
        # Only root can give a file away; a file of one's own needs no giving.
        with contextlib.suppress(OSError):
            os.fchown(descriptor, status.st_uid, status.st_gid)


def _sync_folder(path: str) -> None:
    # The file has been replaced by now: a failure here must not say otherwise.
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)


class WriteJob(Protocol):
    """A file to be replaced, and what is to happen then; see `Writer`."""

    @property
    def path(self) -> str:
        """The file."""

    def content(self) -> Iterable[bytes]:
        """The whole new content, asked for on the loop right before the write; its
        pieces are taken in the thread that writes.

        Both may raise `StorageError`, which `done` is then called with.
        """

    def done(self, error: StorageError | None) -> None:
        """Called on the loop when the file is replaced, or when it was not."""


class Writer:
    """One thread that writes files off the event loop, strictly in order.

    A job's `content` is asked for only when the jobs before it are done, so that it can
    stand on what they changed. All methods are called on the loop.
    """

    def __init__(
        self, write: Callable[[str, Iterable[bytes]], None] = write_atomically
    ) -> None:
        self._write = write
        self._jobs: deque[WriteJob] = deque()
        self._busy = False
        self._idle: list[asyncio.Future[None]] = []
        self._thread: threading.Thread | None = None
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()

    @property
    def is_busy(self) -> bool:
        """Whether a job is under way or in line."""
        return self._busy

    def submit(self, job: WriteJob) -> None:
        """Put a job at the end of the line."""
        self._jobs.append(job)
        if not self._busy:
            self._begin_next()

    async def drain(self) -> None:
        """Return when no job is left and the last one's `done` is over."""
        if self._busy:
            idle = asyncio.get_running_loop().create_future()
            self._idle.append(idle)
            await idle

    async def close(self) -> None:
        """Drain, and end the thread; a cancelled `close` leaves it running."""
        await self.drain()
        if self._thread is not None:
            self._orders.put(None)
            self._thread.join()
            self._thread = None

    def _begin_next(self) -> None:
        self._busy = True
        while self._jobs:
            job = self._jobs.popleft()
            try:
                chunks = job.content()
            except Exception as error:
                self._tell(job, _as_storage_error(job, error))
                continue
            try:
                self._order(job, chunks)
            except RuntimeError as error:  # there are as many threads as may be
                self._tell(job, StorageError("write", job.path, str(error)))
                continue
            return
        self._busy = False
        for idle in self._idle:
            if not idle.done():
                idle.set_result(None)
        self._idle.clear()

    def _order(self, job: WriteJob, chunks: Iterable[bytes]) -> None:
        if self._thread is None:
            # A daemon, because a disk that hangs must not keep the process alive.
            thread = threading.Thread(
                target=self._work, name="namesrv-writer", daemon=True
            )
            thread.start()
            self._thread = thread
        self._orders.put((asyncio.get_running_loop(), job, job.path, chunks))

    def _work(self) -> None:
        for loop, job, path, chunks in iter(self._orders.get, None):
            failed: StorageError | None = None
            try:
                self._write(path, chunks)
            except Exception as error:
                failed = _as_storage_error(job, error)
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._finish, job, failed)

    def _finish(self, job: WriteJob, error: StorageError | None) -> None:
        self._tell(job, error)
        self._begin_next()

    def _tell(self, job: WriteJob, error: StorageError | None) -> None:
        try:
            job.done(error)
        except Exception:
            _LOGGER.exception("a finished write could not be taken note of")


_Order = tuple[asyncio.AbstractEventLoop, WriteJob, str, Iterable[bytes]]


def _as_storage_error(job: WriteJob, error: Exception) -> StorageError:
    if isinstance(error, StorageError):
        return error
    _LOGGER.error("a write failed for an unforeseen reason", exc_info=error)
    return StorageError("write", job.path, "internal error, see the server's log")

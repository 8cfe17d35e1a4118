"""Files that are read whole, and replaced as a whole or not at all.

docs/architecture.md, "Files". A write goes to a temporary file, is synced and renamed,
so that a reader, a crash or a full disk meets either the old content or the new one.
"""

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from typing import Final

from namesrv.errors import StorageError

FILE_MODE: Final = 0o644


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
        raise StorageError("read", path, reason_of(error)) from None


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
        raise StorageError("write", path, reason_of(error)) from None
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


def reason_of(error: OSError | ValueError) -> str:
    """The system's words for what went wrong, without number and path."""
    return getattr(error, "strerror", None) or str(error)

"""Files that are read whole, and replaced as a whole or not at all.

docs/architecture.md, "Files". A write goes to a temporary file, is synced and renamed,
so that readers, and a start after a crash, find either the old content or the new one.
A link, pipe, device or directory in place of a file is refused with a
sentence; it is never followed or waited for.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from typing import Final

from namesrv.errors import StorageError
from namesrv.server.files.page_cache import PART_BYTES, begin_to_write, forget

FILE_MODE: Final = 0o644
CAUTION: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""Flags against links and pipes in the place of our files."""
_PIECE_BYTES: Final = 1 << 17
_KINDS: Final = (
    (stat.S_ISDIR, "directory"),
    (stat.S_ISFIFO, "named pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)


def read(path: str) -> bytes | None:
    """The content of one of our files, or None if it does not exist.

    Raises `StorageError` if it cannot be read.
    """
    try:
        descriptor = open_to_read(path)
        with open(descriptor, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except MemoryError:
        raise StorageError("read", path, "it does not fit into memory") from None
    except OSError as error:
        raise StorageError("read", path, reason_of(error)) from None


def open_to_read(path: str) -> int:
    """A descriptor of one of our files.

    Raises `StorageError` if the path is not a file; FileNotFoundError, OSError.
    """
    _check("read", path, path)
    descriptor = os.open(path, os.O_RDONLY | CAUTION)
    _check_open("read", path, path, descriptor)
    return descriptor


def obstacle(path: str) -> str | None:
    """The thing that is in the place of a file, as the end of a sentence."""
    try:
        mode = os.lstat(path).st_mode
    except (OSError, ValueError):
        return None  # opening it fails with the reason
    if stat.S_ISLNK(mode):
        target = os.path.realpath(path)
        return (
            f"it is a link to {target}, and a change would replace the link and not"
            f" that file; put the file itself there, or name {target} in the options"
        )
    return _kind(mode)


def _kind(mode: int) -> str | None:
    for is_kind, name in _KINDS:
        if is_kind(mode):
            return f"it is a {name}, expected a file; move it away"
    return None


def _check(action: str, path: str, place: str) -> None:
    """Raises `StorageError` about `path` if another thing is at `place`."""
    reason = obstacle(place)
    if reason is not None:
        where = "" if place == path else f"{place} is in the way, "
        raise StorageError(action, path, where + reason)


def _check_open(action: str, path: str, place: str, descriptor: int) -> None:
    """As `_check`, in case the thing came between the check and the opening."""
    reason = _kind(os.fstat(descriptor).st_mode)
    if reason is not None:
        os.close(descriptor)
        where = "" if place == path else f"{place} is in the way, "
        raise StorageError(action, path, where + reason)


def write_atomically(path: str, chunks: Iterable[bytes]) -> None:
    """Replace the content of a file as a whole, or not at all. Blocks.

    Missing folders are made; mode and owner of an existing file are kept.
    Raises `StorageError`; the file is then unchanged.
    """
    folder = os.path.dirname(path) or "."
    try:
        _check("write", path, path)
        os.makedirs(folder, exist_ok=True)
        with _temporary(path) as (temporary, descriptor):
            _write_synced(descriptor, chunks, path)
            with letting_go(path):
                rename(temporary, path)
    except (OSError, ValueError) as error:
        raise StorageError("write", path, reason_of(error)) from None
    _sync_folder(folder)


def rename(path: str, new_path: str) -> None:
    """As `os.replace`, with a clearer reason in the OSError for a mounted file."""
    try:
        os.rename(path, new_path)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        reason = (
            "it is mounted by itself, as a file, and cannot be replaced; mount the"
            " directory that it is in"
        )
        raise OSError(errno.EBUSY, reason) from None


@contextlib.contextmanager
def _temporary(path: str) -> Iterator[tuple[str, int]]:
    """Name and descriptor of an empty file beside `path`, removed on failure."""
    temporary = path + ".tmp"
    _check("write", path, temporary)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | CAUTION
    descriptor = os.open(temporary, flags, FILE_MODE)
    _check_open("write", path, temporary, descriptor)
    try:
        yield temporary, descriptor
    except BaseException:
        with contextlib.suppress(OSError), letting_go(temporary):
            os.unlink(temporary)
        raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def letting_go(path: str) -> Iterator[None]:
    """For the call that takes a file's name: the file stays open until then, so that
    the call does not free its memory; that is done in parts afterwards."""
    descriptor = -1
    if obstacle(path) is None:
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | CAUTION)
    try:
        yield
    finally:
        if descriptor >= 0:
            try:
                if stat.S_ISREG(os.fstat(descriptor).st_mode):
                    forget(descriptor)
            finally:
                os.close(descriptor)


def _write_synced(descriptor: int, chunks: Iterable[bytes], like: str) -> None:
    _copy_access(like, descriptor)
    written = begun = 0
    for piece in _pieces(chunks):
        rest = memoryview(piece)
        while rest:
            count = os.write(descriptor, rest[: 2 * _PIECE_BYTES])
            rest = rest[count:]
            written += count
            if written - begun >= PART_BYTES:
                begin_to_write(descriptor, begun, written - begun)
                begun = written
    os.fsync(descriptor)


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer pieces, because each write releases the GIL."""
    held: list[bytes] = []
    held_bytes = 0
    for chunk in chunks:
        held.append(chunk)
        held_bytes += len(chunk)
        if held_bytes >= _PIECE_BYTES:
            yield b"".join(held)
            held.clear()
            held_bytes = 0
    yield b"".join(held)


def _copy_access(path: str, descriptor: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        status = os.stat(path, follow_symlinks=False)
        os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
        # Only root can change the owner; for our own files it stays the same.
        with contextlib.suppress(OSError):
            os.fchown(descriptor, status.st_uid, status.st_gid)


def _sync_folder(path: str) -> None:
    # The file is already replaced, so a failure here is not a failed write.
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def reason_of(error: OSError | ValueError) -> str:
    """The system's reason for an error, without number and path."""
    return getattr(error, "strerror", None) or str(error)

"""The parts of files that the system keeps in memory.

A call that syncs 90 MB, or frees their memory because the file goes, keeps its core for
4 to 20 ms. Most kernels let nobody else have the core before it ends, not even a lookup
lane. So the system is asked for both in parts, with calls that take 0.1 ms, and little
is left for that one. Elsewhere than on Linux nothing is asked.

A thread that does much of this gives way between two parts: otherwise it may keep the
core for its whole turn of 3 ms, although a lane asks for short ones.
"""

import contextlib
import os
import sys
from typing import Final

PART_BYTES: Final = 1 << 20
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def begin_to_write(descriptor: int, start: int, length: int) -> None:
    """Have these bytes written to the disk, without waiting for it; those that are
    there already are no longer kept in memory."""
    if sys.platform == "linux":
        # Only advice: the sync that follows has to succeed.
        with contextlib.suppress(OSError):
            os.posix_fadvise(descriptor, start, length, os.POSIX_FADV_DONTNEED)


def let_go(path: str) -> None:
    """Keep nothing of a file in memory, if there is one: it will be deleted, or another
    one will have its name."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, _FLAGS)
        try:
            for start in range(0, os.fstat(descriptor).st_size, PART_BYTES):
                begin_to_write(descriptor, start, PART_BYTES)
                give_way()
        finally:
            os.close(descriptor)


def give_way() -> None:
    """Let another thread have the core, if one waits for it."""
    os.sched_yield()

"""The parts of files that the system keeps in memory.

A call that syncs 90 MB, or frees their memory because the file goes, keeps its core for
4 to 7 ms. Most kernels let nobody else have the core before it ends, not even a lookup
lane. So most of the work is asked for in parts beforehand, with calls that take 0.1 ms,
and those calls find little to do. Nothing is asked elsewhere than on Linux.

After each part the thread sleeps for a moment: otherwise it may keep the core for its
whole turn of 3 ms, although a lane asks for short ones. A yield would do as well on an
idle machine, but beside busy processes it costs a turn of theirs.
"""

import contextlib
import os
import sys
import time
from typing import Final

PART_BYTES: Final = 1 << 20
_MOST_PARTS: Final = 4096
_SLEEP_SECONDS: Final = 50e-6


def begin_to_write(descriptor: int, start: int, length: int) -> None:
    """Have these bytes written to the disk, without waiting for it; those that are
    there already are no longer kept in memory."""
    if sys.platform == "linux":
        # Only advice: the sync that follows has to succeed.
        with contextlib.suppress(OSError):
            os.posix_fadvise(descriptor, start, length, os.POSIX_FADV_DONTNEED)
        time.sleep(_SLEEP_SECONDS)


def forget(descriptor: int) -> None:
    """Keep nothing of a file in memory. The rest of a very long one goes at once."""
    with contextlib.suppress(OSError):
        parts = -(-os.fstat(descriptor).st_size // PART_BYTES)
        for number in range(min(parts, _MOST_PARTS)):
            begin_to_write(descriptor, number * PART_BYTES, PART_BYTES)

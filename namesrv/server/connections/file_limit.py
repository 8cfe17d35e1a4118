"""How many files, and so how many connections, the system lets this process have."""

import os
import resource
from contextlib import suppress
from fcntl import F_DUPFD_CLOEXEC, fcntl
from typing import Final

from namesrv.errors import StartFailed

LEAST_FILES: Final = 32
"""With fewer a loop, the files and a few connections find no place."""
LEAST_RESERVED_FILES: Final = 128
MOST_RESERVED_FILES: Final = 1280
"""Descriptors that are not for peers, a quarter of all within these bounds: files,
listeners, connections of our own to brokers, and those that were accepted and not yet
counted. Of a very low limit it is half."""
ROOMY_FILES: Final = 1 << 16
"""Descriptors for which the system's table has room from the start, in 0.5 MiB."""
_MOST_CONNECTIONS: Final = 1_000_000
_MOST_QUERIES: Final = 64
_LIMITS_TO_TRY: Final = (1 << 20, 1 << 16, 10_240)
"""Where "as many as you like" is promised, and not kept."""


def raise_file_limit() -> None:
    """As many connections as the system lets this user have.

    Raises StartFailed where there is no place for a server.
    """
    _raise_soft_limit()
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _number(soft) < LEAST_FILES:
        raise StartFailed(
            f"this process may have {soft} files open, expected {LEAST_FILES} or more:"
            " raise the limit (ulimit -n)"
        )


def _raise_soft_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, *_LIMITS_TO_TRY):
        if _number(soft) < _number(wanted) <= _number(hard):
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            except (OSError, ValueError):
                continue
            return


def make_room_for_files() -> None:
    """Have the system's table of descriptors large from the start.

    Linux doubles a full table, and lets the thread that opens a descriptor wait 15 ms
    for that if there are other threads. So this comes before the first of them. Beyond
    ROOMY_FILES there is such a wait at each doubling.
    """
    wanted = min(_files(), ROOMY_FILES)
    with suppress(OSError), open(os.devnull, "rb") as file:
        os.close(fcntl(file.fileno(), F_DUPFD_CLOEXEC, wanted - 1))


def connection_limit() -> int:
    """How many connections leave enough descriptors for everything else."""
    files = _files()
    return files - _reserved(files)


def notified_limit() -> int:
    """How many brokers may be notified over connections of our own at a time."""
    return max(_reserved(_files()) // 2, 1)


def query_limit() -> int:
    """How many routes may be asked of another cluster at a time."""
    return min(max(_reserved(_files()) // 4, 1), _MOST_QUERIES)


def _files() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return int(min(_number(soft), _MOST_CONNECTIONS + MOST_RESERVED_FILES))


def _reserved(files: int) -> int:
    reserved = min(max(files // 4, LEAST_RESERVED_FILES), MOST_RESERVED_FILES)
    return min(reserved, files // 2)


def _number(limit: int) -> float:
    return float("inf") if limit == resource.RLIM_INFINITY else limit

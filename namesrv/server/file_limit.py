"""How many files, and so how many connections, the system lets this process have."""

import contextlib
import resource
from typing import Final

RESERVED_FILES: Final = 256
"""Descriptors that are not for peers: files, listeners, our own connections, and those
that were accepted and not yet counted. Of a low limit it is half."""
_UNLIMITED_CONNECTIONS: Final = 1_000_000


def raise_file_limit() -> None:
    """As many connections as the system lets this user have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard or (hard == resource.RLIM_INFINITY and soft != hard):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connection_limit() -> int:
    """How many connections leave enough descriptors for everything else."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _UNLIMITED_CONNECTIONS
    return min(soft - min(RESERVED_FILES, soft // 2), _UNLIMITED_CONNECTIONS)

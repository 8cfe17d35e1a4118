"""The checksum of a registration's body (protocol.md section 2.5.2)."""

from collections.abc import Callable
from functools import cache
from typing import Final, TypeAlias

_Crc32: TypeAlias = Callable[[bytes | memoryview], int]

_COMPARED_BITS: Final = 0x7FFFFFFF
"""Java compares no others."""


def body_checksum(body: bytes | memoryview) -> int:
    """The value of `bodyCrc32` that belongs to the body as it came.

    Source: `UtilAll#crc32`.
    """
    return _crc32()(body) & _COMPARED_BITS


@cache
def _crc32() -> _Crc32:
    """That of ISA-L, which takes a fifth of zlib's time or less. It is imported for the
    first registration, because a server without one does not need its memory; pip
    installs it only on processors for which it has wheels."""
    try:
        from isal.isal_zlib import crc32  # noqa: PLC0415
    except (ImportError, OSError):  # the latter without descriptors
        from zlib import crc32  # noqa: PLC0415
    return crc32

"""Calls of the system that fail."""

import errno
import os
import stat
import threading
from collections.abc import Callable


def fail_with(number: int) -> Callable[..., None]:
    """A function that raises this `OSError` whatever it is called with."""

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


class FullDisk:
    """Stands in for `os.write`: regular files take no more than there is room for."""

    def __init__(self) -> None:
        self._write = os.write
        self._room: int | None = None

    def fill(self, room: int) -> None:
        """So many bytes are left."""
        self._room = room

    def empty(self) -> None:
        """There is room again."""
        self._room = None

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        """As `os.write`."""
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        if self._room is None or not is_file:
            return self._write(descriptor, data)
        if not self._room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = self._write(descriptor, data[: self._room])
        self._room -= written
        return written


class HangingOutlet:
    """Takes no line until `goes_on` is set; `lines` are those that it took."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.lines: list[str] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        """Wait, then keep it."""
        self.goes_on.wait()
        self.lines += data.decode().splitlines()

    def close(self) -> None:
        """Nothing more comes."""
        self.is_closed = True

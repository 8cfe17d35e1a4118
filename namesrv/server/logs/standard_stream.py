"""Standard output and standard error as outlets of lines."""

import os
import select
from typing import TextIO


class StandardStream:
    """Writes to the descriptor of a stream, past its buffer: a full pipe would hold the
    interpreter at its end when it flushes that.

    A stream without a descriptor is written to itself, and no stream takes everything.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._descriptor = _descriptor_of(stream)
        self.encoding: str = getattr(stream, "encoding", None) or "utf-8"

    def write(self, data: bytes) -> None:
        """Write all of it, however long nobody reads. Raises OSError."""
        if self._descriptor is not None:
            _write_all(self._descriptor, data)
        elif self._stream is not None:
            self._stream.write(data.decode(self.encoding, "replace"))
            self._stream.flush()

    def close(self) -> None:
        """The stream belongs to the process."""


def _descriptor_of(stream: TextIO | None) -> int | None:
    try:
        return None if stream is None else stream.fileno()
    except (OSError, ValueError):
        return None


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            # Another process that has the pipe, too, has made it non-blocking.
            waiting = select.poll()
            waiting.register(descriptor, select.POLLOUT)
            waiting.poll()

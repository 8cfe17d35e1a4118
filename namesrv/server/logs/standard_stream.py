"""Standard output and standard error as outlets of lines."""

import os
import select
from typing import TextIO


class StandardStream:
    """Writes to the descriptor of a stream and not to its buffer, because a full pipe
    would block the interpreter when it flushes that buffer at its end.

    Without a descriptor the stream itself is written; without a stream, nothing is.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._descriptor = _descriptor_of(stream)
        self.encoding: str = getattr(stream, "encoding", None) or "utf-8"

    def write(self, data: bytes) -> None:
        """Write all of `data`; blocks while nobody reads. Raises OSError."""
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
            # Another process that shares the pipe has made it non-blocking.
            waiting = select.poll()
            waiting.register(descriptor, select.POLLOUT)
            waiting.poll()

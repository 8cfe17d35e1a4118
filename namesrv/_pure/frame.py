"""Bytes in, frames out (protocol.md section 1.1)."""

from typing import Final

from namesrv.errors import (
    FrameTooLong,
    FrameTooShort,
    HeaderOverLimit,
    HeaderTooLong,
    SerializeTypeUnknown,
)
from namesrv.hot_path import (
    DEFAULT_HEADER_MAX_BYTES,
    Frame,
    check_bytes,
    check_size,
)

_LENGTH_BYTES: Final = 4
_PREFIX_BYTES: Final = 8
_KEPT_BYTES: Final = 1 << 16


class FrameDecoder:
    """Splits a byte stream into frames.

    `frame_max_bytes` includes the four length bytes; a header of more than
    `header_max_bytes` is refused before the rest of its frame has come. Memory grows
    with the input, never with an announced length. Source: `NettyDecoder`.
    """

    __slots__ = (
        "_buffer",
        "_frame_max_bytes",
        "_header_max_bytes",
        "_last_start",
        "_position",
    )

    def __init__(
        self,
        frame_max_bytes: int,
        header_max_bytes: int = DEFAULT_HEADER_MAX_BYTES,
    ) -> None:
        self._frame_max_bytes = check_size("frame_max_bytes", frame_max_bytes)
        self._header_max_bytes = check_size("header_max_bytes", header_max_bytes)
        self._buffer = bytearray()
        self._position = 0
        self._last_start = 0

    @property
    def buffered_bytes(self) -> int:
        """Bytes fed and not yet returned in frames."""
        return len(self._buffer) - self._position

    def feed(self, data: bytes) -> None:
        """Append input."""
        check_bytes("data", data)
        if self._position:
            del self._buffer[: self._position]
        self._position = 0
        self._last_start = 0
        self._buffer += data

    def next_frame(self) -> Frame | None:
        """The next whole frame, or None while it is incomplete.

        Raises FrameTooLong, FrameTooShort or HeaderOverLimit as soon as the length is
        known, and HeaderTooLong or SerializeTypeUnknown when the frame is complete.
        """
        start = self._position
        available = len(self._buffer) - start
        if available < _LENGTH_BYTES:
            self.release()
            return None
        frame_length = int.from_bytes(self._buffer[start : start + _LENGTH_BYTES])
        if frame_length > self._frame_max_bytes - _LENGTH_BYTES:
            raise FrameTooLong(frame_length, self._frame_max_bytes)
        if frame_length < _LENGTH_BYTES:
            raise FrameTooShort(frame_length)
        if available < _PREFIX_BYTES:
            self.release()
            return None
        header_length = int.from_bytes(self._buffer[start + 5 : start + _PREFIX_BYTES])
        if header_length > self._header_max_bytes:
            raise HeaderOverLimit(header_length, self._header_max_bytes)
        if available < _LENGTH_BYTES + frame_length:
            self.release()
            return None
        return self._take(start, frame_length, header_length)

    def put_back(self) -> None:
        """Return the last frame again with the next call of `next_frame`."""
        self._position = self._last_start

    def release(self) -> None:
        """Free the memory of returned frames, for a connection that waits."""
        if self._position == len(self._buffer) or self._position >= _KEPT_BYTES:
            del self._buffer[: self._position]
            self._position = 0
            self._last_start = 0

    def _take(self, start: int, frame_length: int, header_length: int) -> Frame:
        serialize_type = self._buffer[start + _LENGTH_BYTES]
        header_start = start + _PREFIX_BYTES
        if header_length > frame_length - _LENGTH_BYTES:
            raise HeaderTooLong(header_length, frame_length)
        if serialize_type > 1:
            raise SerializeTypeUnknown(serialize_type)
        body_start = header_start + header_length
        end = start + _LENGTH_BYTES + frame_length
        with memoryview(self._buffer) as view:
            header = bytes(view[header_start:body_start])
            body = bytes(view[body_start:end])
        self._last_start = start
        self._position = end
        return Frame(serialize_type, header, body or None)

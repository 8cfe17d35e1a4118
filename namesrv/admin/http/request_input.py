"""The input of one conversation, from which heads and bodies are taken."""

from collections.abc import Callable

from namesrv.admin.http.chunks import ChunkedBody
from namesrv.admin.http.head import CHUNKED, Head, HeadReader
from namesrv.admin.http.head_end import HeadEnd
from namesrv.admin.http.messages import HttpAnswer
from namesrv.routing.turns.turn import Turn
from namesrv.work import Cost, kilobytes


class RequestInput:
    """Bytes that have come; true if there are any that were not taken.

    `must_wait` is whether the turn of the loop is over; it is called before each part
    of the work.
    """

    __slots__ = ("_buffer", "_chunks", "_head_end", "_must_wait", "_reader", "_turn")

    def __init__(self, turn: Turn, must_wait: Callable[[], bool]) -> None:
        self._turn = turn
        self._must_wait = must_wait
        self._buffer = bytearray()
        self._head_end = HeadEnd()
        self._reader = HeadReader()
        self._chunks: ChunkedBody | None = None

    def __len__(self) -> int:
        """All kept bytes, also those of a body in chunks of which a part has come."""
        return self.unread_bytes + len(
            () if self._chunks is None else self._chunks.body
        )

    def __bool__(self) -> bool:
        return bool(self._buffer)

    @property
    def unread_bytes(self) -> int:
        """Bytes that were not taken."""
        return len(self._buffer)

    def add(self, data: bytes) -> None:
        """More has come."""
        self._buffer += data

    def drop(self) -> None:
        """Forget everything."""
        self._buffer = bytearray()
        self._chunks = None

    def head_end(self) -> int | HttpAnswer | None:
        """The length of the head, None if a part of it has come, or the error."""
        return self._head_end.find(self._buffer)

    def take_head(self, end: int) -> bytes:
        """The bytes of a head of this length."""
        data = bytes(self._buffer[:end])
        del self._buffer[:end]
        return data

    def read_head(self, data: bytes) -> Head | HttpAnswer:
        """The head in these bytes, or the error; its units are spent."""
        size = len(data)
        self._turn.spend(Cost.HTTP_REQUEST + kilobytes(size, Cost.HTTP_KILOBYTE))
        return self._reader.read(data)

    def take_body(self, head: Head) -> bytes | HttpAnswer | None:
        """The whole body; None if it has not come, or if its turn is over."""
        length = head.body_length
        if not length:
            return b""
        if length == CHUNKED:
            return self._take_chunks()
        if len(self._buffer) < length or self._must_wait():
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    def _take_chunks(self) -> bytes | HttpAnswer | None:
        chunks = self._chunks = self._chunks or ChunkedBody()
        while not chunks.is_complete:
            if self._must_wait():
                return None
            count = chunks.take(self._buffer)
            if isinstance(count, HttpAnswer):
                return count
            if not count:
                return None
            self._turn.spend(count * Cost.CHUNK)
        if self._must_wait():
            return None
        self._chunks = None
        return bytes(chunks.body)

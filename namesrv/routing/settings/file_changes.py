"""Changes that have to be in a file before they count and are answered.

One write is under way at a time. Later changes wait and are written together
with the next one, so that a slow disk makes few large writes of many requests.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

from namesrv.errors import RequestFailed, StorageError
from namesrv.routing.outbox import FileWrite, Outbox

Change = TypeVar("Change")
Done: TypeAlias = Callable[[StorageError | None], None]

MOST_WAITING: Final = 1024
"""Changes of a file that wait or are being written; more are refused."""
MOST_WAITING_BYTES: Final = 32 << 20
"""Memory that they and their requests may take."""
MOST_AT_ONCE: Final = 128
"""Changes in one write: they are made, and answered, in one turn of the loop."""


class _Waiting(NamedTuple, Generic[Change]):
    """One change, the memory that it takes, and the callback for its end."""

    change: Change
    kept_bytes: int
    done: Done


class FileChanges(Generic[Change]):
    """The changes of one file, in the order in which they came.

    `content` makes the file's content with some more changes in it; `settled` is
    called when they are in the file, or with the failure, before their own callbacks.
    """

    def __init__(
        self,
        outbox: Outbox,
        path: Callable[[], str],
        content: Callable[[Sequence[Change]], Iterable[bytes]],
        settled: Callable[[Sequence[Change], StorageError | None], None],
    ) -> None:
        self._outbox = outbox
        self._path = path
        self._content = content
        self._settled = settled
        self._waiting: deque[_Waiting[Change]] = deque()
        self._batch: list[_Waiting[Change]] = []
        self._is_writing = False
        self._kept_bytes = 0

    def check(self, kept_bytes: int) -> None:
        """Raises RequestFailed when there is no room for another change."""
        count = len(self._waiting) + len(self._batch)
        kept_bytes += self._kept_bytes
        if count >= MOST_WAITING or kept_bytes > MOST_WAITING_BYTES:
            raise RequestFailed(
                f"the disk is slow: {count} changes of {self._path()} wait already,"
                f" the limit is {MOST_WAITING} changes or {MOST_WAITING_BYTES} bytes;"
                " try again later"
            )

    def add(self, change: Change, kept_bytes: int, done: Done) -> None:
        """Have a change written, after `check`. It and its request take `kept_bytes`;
        `done` is called when the file has it, or with the reason why not."""
        self._waiting.append(_Waiting(change, kept_bytes, done))
        self._kept_bytes += kept_bytes
        if not self._is_writing:
            self._write()

    def _write(self) -> None:
        self._is_writing = True
        self._outbox.put(FileWrite(self._path(), self._begin, self._finish))

    def _begin(self) -> Iterable[bytes]:
        """The write is about to begin: all changes that wait by now are in it."""
        return self._content([waiting.change for waiting in self._taken()])

    def _taken(self) -> list[_Waiting[Change]]:
        """The changes of this write, fixed at the first call."""
        if not self._batch:
            count = min(len(self._waiting), MOST_AT_ONCE)
            self._batch = [self._waiting.popleft() for _ in range(count)]
        return self._batch

    def _finish(self, error: StorageError | None) -> None:
        batch = self._taken()
        self._batch = []
        self._is_writing = False
        self._kept_bytes -= sum(waiting.kept_bytes for waiting in batch)
        try:
            self._settled([waiting.change for waiting in batch], error)
            for waiting in batch:
                waiting.done(error)
        finally:
            if self._waiting:
                self._write()

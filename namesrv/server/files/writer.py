"""A thread that replaces files off the event loop, one after another."""

import asyncio
import contextlib
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from namesrv.errors import StorageError
from namesrv.server.files.atomic import write_atomically

_LOGGER: Final = logging.getLogger("namesrv")


class WriteJob(Protocol):
    """A file to replace, and a callback for the end; see `Writer`."""

    @property
    def path(self) -> str:
        """The file."""

    def content(self) -> Iterable[bytes]:
        """The whole new content. It is called on the loop right before the write; the
        writing thread takes the pieces.

        Both may raise `StorageError`, which is then passed to `done`.
        """

    def done(self, error: StorageError | None) -> None:
        """Called on the loop with None after a write, or with the error."""


class Writer:
    """One thread that writes files off the event loop, strictly in order.

    A job's `content` is called only after the jobs before it are done, so that it can
    build on their changes. All methods are called on the loop.
    """

    def __init__(
        self,
        write: Callable[[str, Iterable[bytes]], None] = write_atomically,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        """`write` replaces a file; `after` is called on the loop after each `done`."""
        self._write = write
        self._after = after
        self._jobs: deque[WriteJob] = deque()
        self._busy = False
        self._idle: list[asyncio.Future[None]] = []
        self._thread: threading.Thread | None = None
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()

    @property
    def is_busy(self) -> bool:
        """Whether a job is under way or waits."""
        return self._busy

    def submit(self, job: WriteJob) -> None:
        """Queue a job."""
        self._jobs.append(job)
        if not self._busy:
            self._begin_next()

    async def drain(self) -> None:
        """Wait until no job is left and the last `done` has returned."""
        if self._busy:
            idle = asyncio.get_running_loop().create_future()
            self._idle.append(idle)
            await idle

    async def close(self) -> None:
        """Drain, and end the thread; a cancelled `close` leaves it running."""
        await self.drain()
        if self._thread is not None:
            self._orders.put(None)
            self._thread.join()
            self._thread = None

    def _begin_next(self) -> None:
        self._busy = True
        while self._jobs:
            job = self._jobs.popleft()
            try:
                chunks = job.content()
            except Exception as error:
                self._call_done(job, _as_storage_error(job, error))
                continue
            try:
                self._order(job, chunks)
            except RuntimeError as error:  # thread limit reached
                self._call_done(job, StorageError("write", job.path, str(error)))
                continue
            return
        self._busy = False
        for idle in self._idle:
            if not idle.done():
                idle.set_result(None)
        self._idle.clear()

    def _order(self, job: WriteJob, chunks: Iterable[bytes]) -> None:
        if self._thread is None:
            # A daemon, because a disk that hangs must not keep the process alive.
            thread = threading.Thread(
                target=self._work, name="namesrv-writer", daemon=True
            )
            thread.start()
            self._thread = thread
        self._orders.put((asyncio.get_running_loop(), job, job.path, chunks))

    def _work(self) -> None:
        for loop, job, path, chunks in iter(self._orders.get, None):
            failed: StorageError | None = None
            try:
                self._write(path, chunks)
            except Exception as error:
                failed = _as_storage_error(job, error)
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._finish, job, failed)

    def _finish(self, job: WriteJob, error: StorageError | None) -> None:
        self._call_done(job, error)
        self._begin_next()

    def _call_done(self, job: WriteJob, error: StorageError | None) -> None:
        try:
            job.done(error)
            self._after()
        except Exception:
            _LOGGER.exception("the callback of a finished write failed")


_Order = tuple[asyncio.AbstractEventLoop, WriteJob, str, Iterable[bytes]]


def _as_storage_error(job: WriteJob, error: Exception) -> StorageError:
    if isinstance(error, StorageError):
        return error
    _LOGGER.error("unexpected error while writing a file", exc_info=error)
    return StorageError("write", job.path, "internal error, see the server's log")

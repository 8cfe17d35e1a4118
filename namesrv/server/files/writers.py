"""Two threads that write files, so that routes never wait for operators' changes."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from namesrv.errors import StorageError
from namesrv.routing.outbox import FileWrite
from namesrv.server.files.writer import Writer
from namesrv.server.logs.events import EventLog


class Writers:
    """`routes` writes snapshots and stamps; `changes` writes the KV table and the
    remote configuration, whose writes depend on peers."""

    def __init__(
        self, write: Callable[[str, Iterable[bytes]], None], log: EventLog
    ) -> None:
        self.routes = Writer(write)
        self.changes = Writer(write)
        self._log = log

    @property
    def is_busy(self) -> bool:
        """Whether a write is under way or waits."""
        return self.routes.is_busy or self.changes.is_busy

    def submit(self, effect: FileWrite, flush: Callable[[], None]) -> None:
        """Queue a change; `flush` empties the outbox afterwards."""
        self.changes.submit(_ChangeJob(effect, flush))

    async def close(self, seconds: float) -> None:
        """Wait at most `seconds` for the remaining writes.

        The routes may take all of that time; the changes get the rest.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        for of, writer in (
            ("the routes", self.routes),
            ("the KV table and the configuration", self.changes),
        ):
            try:
                async with asyncio.timeout_at(deadline):
                    await writer.close()
            except TimeoutError:
                event = "the disk is too slow, the last changes may be lost"
                self._log.log_event(logging.WARNING, event, {"of": of})


class _ChangeJob:
    """A FileWrite as a job of the writer."""

    def __init__(self, effect: FileWrite, flush: Callable[[], None]) -> None:
        self._effect = effect
        self._flush = flush
        self.path = effect.path

    def content(self) -> Iterable[bytes]:
        """The new content of the file."""
        return self._effect.content()

    def done(self, error: StorageError | None) -> None:
        """Pass the result to the state, and flush its outbox."""
        self._effect.done(error)
        self._flush()

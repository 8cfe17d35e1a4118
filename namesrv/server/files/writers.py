"""The two threads that write files: routes never wait for what operators change."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from namesrv.errors import StorageError
from namesrv.routing.outbox import FileWrite
from namesrv.server.files.writer import Writer
from namesrv.server.logs.events import EventLog


class Writers:
    """`routes` writes snapshots and stamps; `changes` the KV table and the remote
    configuration, which are as large and as many as peers make them."""

    def __init__(
        self, write: Callable[[str, Iterable[bytes]], None], log: EventLog
    ) -> None:
        self.routes = Writer(write)
        self.changes = Writer(write)
        self._log = log

    @property
    def is_busy(self) -> bool:
        """Whether a file is being written, or is still to be."""
        return self.routes.is_busy or self.changes.is_busy

    def submit(self, effect: FileWrite, flush: Callable[[], None]) -> None:
        """Have a change written; the outbox is emptied with `flush` when it is."""
        self.changes.submit(_ChangeJob(effect, flush))

    async def close(self, seconds: float) -> None:
        """Wait for what is left to be written, so long at most.

        The routes may take all of that time, the changes what is left of it.
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
    """A FileWrite for the writer."""

    def __init__(self, effect: FileWrite, flush: Callable[[], None]) -> None:
        self._effect = effect
        self._flush = flush
        self.path = effect.path

    def content(self) -> Iterable[bytes]:
        """The content that the file is to have."""
        return self._effect.content()

    def done(self, error: StorageError | None) -> None:
        """Tell the state."""
        self._effect.done(error)
        self._flush()

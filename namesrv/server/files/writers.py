"""The two threads that write files: routes never wait for what operators change."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from namesrv.server.files.writer import Writer
from namesrv.server.logs.events import EventLog


class Writers:
    """`routes` writes snapshots and stamps; `changes` the KV table and the remote
    configuration, which are as large and as many as peers make them."""

    def __init__(
        self,
        write: Callable[[str, Iterable[bytes]], None],
        after: Callable[[], None],
        log: EventLog,
    ) -> None:
        """`write` replaces a file; `after` is called after each write."""
        self.routes = Writer(write, after)
        self.changes = Writer(write, after)
        self._log = log

    @property
    def is_busy(self) -> bool:
        """Whether a file is being written, or is still to be."""
        return self.routes.is_busy or self.changes.is_busy

    async def close(self, seconds: float) -> None:
        """Wait until all files are written, at most `seconds`.

        The routes may take all of that time, the changes the rest of it.
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
                event = "the disk is too slow, the last changes may not be saved"
                self._log.log_event(logging.WARNING, event, {"of": of})

"""Two threads that write files, so that routes never wait for operators' changes."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from namesrv.server.files.writer import Writer
from namesrv.server.logs.events import EventLog


class Writers:
    """`routes` writes snapshots and stamps; `changes` writes the KV table and the
    remote configuration, whose writes depend on peers."""

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
        """Whether a write is under way or waits."""
        return self.routes.is_busy or self.changes.is_busy

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

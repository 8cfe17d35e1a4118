"""A companion that compares the server with its peers, if the option names any.

Everything that it needs is imported when it starts, and only then.
"""

import asyncio
import contextlib
from typing import TYPE_CHECKING

from namesrv.server.nameserver import NameServer

if TYPE_CHECKING:
    from namesrv.admin.peers.peer import Pace


class PeersCompanion:
    """Compares from the start of a server to its end. `pace` is for tests."""

    def __init__(self, pace: "Pace | None" = None) -> None:
        self._pace = pace
        self._task: asyncio.Task[None] | None = None

    async def start(self, server: NameServer) -> None:
        """Begin, if the option `peers` names any."""
        if not server.inside.options.peers:
            return
        from namesrv.admin.peers.peer import Pace  # noqa: PLC0415
        from namesrv.admin.peers.watch import watch  # noqa: PLC0415

        pace = self._pace or Pace()
        self._task = asyncio.create_task(watch(server.inside, pace))

    async def stop(self) -> None:
        """End, and close all connections."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

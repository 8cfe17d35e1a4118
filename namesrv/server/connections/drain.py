"""The wait of a drain, until no client is left that understands GO_AWAY."""

import asyncio
import contextlib
from typing import Final

from namesrv.server.clock import monotonic_millis
from namesrv.server.connections.registry import Connections

_LOOK_MILLIS: Final = 200


async def wait_for_newer_clients(
    connections: Connections, hurry: asyncio.Event, most_seconds: int
) -> None:
    """Return when no newer client is connected, when `hurry` is set, or after
    `most_seconds`, whichever comes first (protocol.md sections 5.8 and 9.13)."""
    deadline_ms = monotonic_millis() + most_seconds * 1000
    while connections.has_newer_clients and not hurry.is_set():
        left_millis = min(deadline_ms - monotonic_millis(), _LOOK_MILLIS)
        if left_millis <= 0:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(hurry.wait(), left_millis / 1000)

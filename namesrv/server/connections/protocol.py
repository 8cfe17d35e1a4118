"""The asyncio protocol of one connection. `Peer` makes all its decisions."""

import asyncio
from typing import Any

from namesrv.server.connections.peer import Peer
from namesrv.server.connections.registry import Connections


class NamesrvProtocol(Peer, asyncio.Protocol):
    """A `Peer` that an event loop calls."""

    __slots__ = ("came_from",)

    def __init__(self, connections: Connections, came_from: Any = None) -> None:
        super().__init__(connections)
        self.came_from = came_from

    def data_received(self, data: bytes) -> None:
        """Bytes came: answer them, unless the server is frozen."""
        if self._reading or not self._drop_early_read():
            Peer.data_received(self, data)

    def _drop_early_read(self) -> bool:
        """uvloop begins to read after `connection_made`, also if that has paused it.
        Pause again; whether the bytes count as not read."""
        if self.closing_since_ms is not None:
            return False
        if self.transport.is_reading():
            self.transport.pause_reading()
        return self._connections.is_frozen


class HttpOnlyProtocol(NamesrvProtocol):
    """One on an address of `httpBind`."""

    __slots__ = ()

    only_http = True

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


class HttpOnlyProtocol(NamesrvProtocol):
    """One on an address of `httpBind`."""

    __slots__ = ()

    only_http = True

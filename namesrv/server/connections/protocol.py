"""The asyncio protocol of one connection. All it decides is in `Peer`."""

import asyncio

from namesrv.server.connections.peer import Peer


class NamesrvProtocol(Peer, asyncio.Protocol):
    """A `Peer` that an event loop calls."""

    __slots__ = ()

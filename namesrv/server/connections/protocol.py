"""The asyncio protocol of one connection. `Peer` makes all its decisions."""

import asyncio

from namesrv.server.connections.peer import Peer


class NamesrvProtocol(Peer, asyncio.Protocol):
    """A `Peer` that an event loop calls."""

    __slots__ = ()

"""The asyncio protocol of one connection. `Peer` makes all its decisions."""

import asyncio

from namesrv.server.connections.peer import Peer


class NamesrvProtocol(Peer, asyncio.Protocol):
    """A `Peer` that an event loop calls."""

    __slots__ = ()


class HttpOnlyProtocol(NamesrvProtocol):
    """One on an address of `httpBind`."""

    __slots__ = ()

    only_http = True

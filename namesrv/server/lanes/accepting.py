"""Accepts connections: lookup lanes on the addresses for all, the loop on others."""

import asyncio
import socket
from functools import partial
from typing import Final

from namesrv.options import Options
from namesrv.server.connections.listeners import (
    address_of,
    open_http_listeners,
    open_listeners,
)
from namesrv.server.connections.protocol import HttpOnlyProtocol, NamesrvProtocol
from namesrv.server.connections.registry import Connections
from namesrv.server.lanes.lanes import LookupLanes

_ACCEPTED_AT_ONCE: Final = 16
"""Connections that asyncio takes in one turn of its loop, two turns before the first
of them is counted or closed."""


class Accepting:
    """The listening sockets of one server. `addresses` has the real (host, port) of
    each listener, `http_addresses` those of `httpBind`."""

    def __init__(
        self, options: Options, connections: Connections, lanes: LookupLanes
    ) -> None:
        self._options = options
        self._connections = connections
        self._lanes = lanes
        self._of_lanes: list[socket.socket] = []
        self._of_loop: list[tuple[socket.socket, asyncio.Server]] = []
        self.addresses: list[tuple[str, int]] = []
        self.http_addresses: list[tuple[str, int]] = []

    async def open(self) -> None:
        """Listen on all addresses. Raises StartFailed."""
        listeners = open_listeners(self._options)
        http_listeners = open_http_listeners(self._options, beside=listeners)
        self.addresses += [address_of(each, self._options) for each in listeners]
        self.http_addresses += [each.getsockname()[:2] for each in http_listeners]
        for listener in http_listeners:
            await self._serve_on(listener, HttpOnlyProtocol)
        if self._wants_lanes() and self._lanes.start(
            listeners, self._options.lookup_lanes
        ):
            self._of_lanes = listeners
            return
        for listener in listeners:
            await self._serve_on(listener, NamesrvProtocol)

    def close(self) -> None:
        """Accept no more. The loop gets all connections of lanes, which end."""
        self._lanes.stop()
        for listener in self._of_lanes:
            listener.close()
        self._of_lanes.clear()
        for _, server in self._of_loop:
            server.close()

    def set_backlog(self) -> None:
        """A loop takes its number for the backlog, too, whenever it begins to accept:
        asyncio's does so anew after it ran out of descriptors."""
        for listener, server in self._of_loop:
            if server.is_serving():
                listener.listen(self._options.server_socket_backlog)

    def _wants_lanes(self) -> bool:
        """Where TLS is enforced, no connection could stay on a lane."""
        is_enforcing = self._options.tls_server_mode == "enforcing"
        return self._options.lookup_lanes > 0 and not is_enforcing

    async def _serve_on(
        self, listener: socket.socket, protocol: type[NamesrvProtocol]
    ) -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            partial(protocol, self._connections),
            sock=listener,
            backlog=_ACCEPTED_AT_ONCE,
        )
        self._of_loop.append((listener, server))

"""Accepts connections: lookup lanes on the addresses for all, the loop on others."""

import logging
import socket
from functools import partial

from namesrv.options import Options
from namesrv.server.connections.acceptor import Acceptor, Joining
from namesrv.server.connections.listeners import (
    address_of,
    open_http_listeners,
    open_listeners,
)
from namesrv.server.connections.protocol import HttpOnlyProtocol, NamesrvProtocol
from namesrv.server.connections.registry import Connections
from namesrv.server.lanes.lanes import LookupLanes
from namesrv.server.logs.events import EventLog


class Accepting:
    """The listening sockets of one server. `addresses` has the real (host, port) of
    each listener, `http_addresses` those of `httpBind`."""

    def __init__(
        self,
        options: Options,
        connections: Connections,
        lanes: LookupLanes,
        log: EventLog,
    ) -> None:
        self._options = options
        self._connections = connections
        self._lanes = lanes
        self._log = log
        self._of_lanes: list[socket.socket] = []
        self._of_loop: list[Acceptor] = []
        self._joining: Joining = set()
        self.addresses: list[tuple[str, int]] = []
        self.http_addresses: list[tuple[str, int]] = []

    def open(self) -> None:
        """Listen on all addresses. Raises StartFailed."""
        listeners = open_listeners(self._options)
        http_listeners = open_http_listeners(self._options, beside=listeners)
        self.addresses += [address_of(each, self._options) for each in listeners]
        self.http_addresses += [each.getsockname()[:2] for each in http_listeners]
        for listener in http_listeners:
            self._accept_on(listener, HttpOnlyProtocol)
        if self._wants_lanes() and self._lanes.start(
            listeners, self._options.lookup_lanes
        ):
            self._of_lanes = listeners
            return
        for listener in listeners:
            self._accept_on(listener, NamesrvProtocol)

    def close(self) -> None:
        """Accept no more. The loop gets all connections of lanes, which end."""
        self._lanes.stop()
        for listener in self._of_lanes:
            listener.close()
        self._of_lanes.clear()
        for acceptor in self._of_loop:
            acceptor.close()

    def _wants_lanes(self) -> bool:
        """Where TLS is enforced, no connection could stay on a lane."""
        is_enforcing = self._options.tls_server_mode == "enforcing"
        return self._options.lookup_lanes > 0 and not is_enforcing

    def _accept_on(
        self, listener: socket.socket, protocol: type[NamesrvProtocol]
    ) -> None:
        make_protocol = partial(protocol, self._connections)
        acceptor = Acceptor(listener, make_protocol, self._report, self._joining)
        self._of_loop.append(acceptor)

    def _report(self, error: OSError) -> None:
        event = "cannot accept connections for lack of descriptors or memory"
        self._log.log_damped(logging.WARNING, event, {"reason": error.strerror})

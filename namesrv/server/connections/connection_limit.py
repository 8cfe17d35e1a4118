"""The limit of connections (`maxConnections`), with places reserved for brokers.

The last sixteenth is for hosts from which brokers registered. When that is full, too, a
connection of such a host replaces the longest idle connection that carries no broker.
"""

import logging
from collections import deque
from collections.abc import Iterable
from heapq import nsmallest
from typing import Final

from namesrv.server.connections.broker_hosts import BrokerHosts, Rank, host_of
from namesrv.server.connections.served import Served
from namesrv.server.logs.events import EventLog

RESERVED_SHARE: Final = 16
_MOST_IDLE: Final = 1024
_TOO_MANY: Final = "connection limit reached, closing new connections"
_MADE_ROOM: Final = "closed an idle connection to make room for a broker"

_Idle = tuple[Rank, int, int, Served]
"""(rank, time of the last activity, a number that orders equals, connection)."""


class ConnectionLimit:
    """Admits connections. `look_at` must see all connections regularly."""

    def __init__(self, limit: int, hosts: BrokerHosts, log: EventLog) -> None:
        self.limit = limit
        self.open_to_all = limit - limit // RESERVED_SHARE
        self._hosts = hosts
        self._log = log
        self._seen: list[_Idle] = []
        self._idle: deque[_Idle] = deque()

    def admits(self, count: int, address: str) -> bool:
        """Whether to admit one more from `address` when there are `count`; if not,
        `make_room` may find a place."""
        if count < self.open_to_all:
            return True
        return count < self.limit and host_of(address) in self._hosts

    def make_room(self, address: str) -> Served | None:
        """The connection to close for the new one; None to close the new one."""
        if host_of(address) in self._hosts:
            while self._idle:
                _, active_ms, _, protocol = self._idle.popleft()
                if self._is_idle_still(protocol, active_ms):
                    remote = protocol.connection.remote_address
                    fields = {"remote": remote, "for": address}
                    self._log.log_damped(logging.WARNING, _MADE_ROOM, fields)
                    return protocol
        refused = {"limit": self.limit, "remote": address}
        self._log.log_damped(logging.WARNING, _TOO_MANY, refused)
        return None

    def look_at(self, protocols: Iterable[Served], count: int) -> None:
        """Check some of all `count` connections for candidates to close."""
        if count < self.open_to_all:
            self._seen.clear()
            return
        for protocol in protocols:
            rank = self._hosts.rank_of(protocol.connection)
            if rank < Rank.BROKER and protocol.closing_since_ms is None:
                active_ms = protocol.connection.last_active_ms
                self._seen.append((rank, active_ms, id(protocol), protocol))
        self._seen = nsmallest(_MOST_IDLE, self._seen)

    def looked_at_all(self) -> None:
        """End a check of all connections."""
        self._idle = deque(self._seen)
        self._seen = []

    def _is_idle_still(self, protocol: Served, active_ms: int) -> bool:
        connection = protocol.connection
        return (
            protocol.closing_since_ms is None
            and connection.last_active_ms == active_ms
            and not connection.registered
        )

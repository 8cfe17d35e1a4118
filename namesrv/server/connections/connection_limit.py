"""How many connections there may be (`maxConnections`), and who may still come.

The last sixteenth is for hosts from which brokers registered; when that is taken too,
one of those connects in the place of the longest idle connection that carries none.
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
"""(rank, when it was active last, a number that orders equals, the connection)."""


class ConnectionLimit:
    """Decides who may connect. `look_at` has to see all connections now and then."""

    def __init__(self, limit: int, hosts: BrokerHosts, log: EventLog) -> None:
        self._limit = limit
        self._open_to_all = limit - limit // RESERVED_SHARE
        self._hosts = hosts
        self._log = log
        self._seen: list[_Idle] = []
        self._idle: deque[_Idle] = deque()

    def admits(self, count: int, address: str) -> bool:
        """Whether one more may come from there when there are so many; if not,
        `make_room` may find a place."""
        if count < self._open_to_all:
            return True
        return count < self._limit and host_of(address) in self._hosts

    def make_room(self, address: str) -> Served | None:
        """The connection that has to go for it; None when it has to go itself."""
        if host_of(address) in self._hosts:
            while self._idle:
                _, active_ms, _, protocol = self._idle.popleft()
                if self._is_idle_still(protocol, active_ms):
                    remote = protocol.connection.remote_address
                    fields = {"remote": remote, "for": address}
                    self._log.log_damped(logging.WARNING, _MADE_ROOM, fields)
                    return protocol
        refused = {"limit": self._limit, "remote": address}
        self._log.log_damped(logging.WARNING, _TOO_MANY, refused)
        return None

    def look_at(self, protocols: Iterable[Served], count: int) -> None:
        """Some of all `count` connections, for who would have to go."""
        if count < self._open_to_all:
            self._seen.clear()
            return
        for protocol in protocols:
            rank = self._hosts.rank_of(protocol.connection)
            if rank < Rank.BROKER and protocol.closing_since_ms is None:
                active_ms = protocol.connection.last_active_ms
                self._seen.append((rank, active_ms, id(protocol), protocol))
        self._seen = nsmallest(_MOST_IDLE, self._seen)

    def looked_at_all(self) -> None:
        """That were all of them."""
        self._idle = deque(self._seen)
        self._seen = []

    def _is_idle_still(self, protocol: Served, active_ms: int) -> bool:
        connection = protocol.connection
        return (
            protocol.closing_since_ms is None
            and connection.last_active_ms == active_ms
            and not connection.registered
        )

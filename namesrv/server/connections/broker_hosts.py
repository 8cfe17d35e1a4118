"""The hosts from which brokers registered; their connections are closed last."""

from collections import OrderedDict
from collections.abc import Iterable
from enum import IntEnum
from ipaddress import IPv6Address
from typing import Final

from namesrv._impl import Connection

_MOST_GONE_HOSTS: Final = 4096
_MAPPED_IPV4: Final = "::ffff:"
"""Prefix of IPv4 addresses on a socket that serves both kinds."""


class Rank(IntEnum):
    """The lowest rank is closed first when the limit of connections is reached."""

    STRANGER = 0
    NEIGHBOUR = 1
    """No broker registered on it, but one did from the same host."""
    BROKER = 2
    """It carries a live broker."""


class BrokerHosts:
    """Knows the hosts of open connections on which a broker registered, and of the last
    few thousand that have none any more.

    A host is that of the socket, because anybody can send a PROXY header. A peer
    that shares the host of a broker (a proxy, a NAT, this machine) shares its rank.
    """

    def __init__(self) -> None:
        self._carriers: set[Connection] = set()
        self._open: dict[str, int] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, host: str) -> bool:
        return host in self._open or host in self._gone

    def registered(self, connection: Connection) -> None:
        """A broker has registered on a connection, the first one or another."""
        if connection in self._carriers:
            return
        self._carriers.add(connection)
        host = host_of(connection.socket_address)
        self._open[host] = self._open.get(host, 0) + 1
        self._gone.pop(host, None)

    def ended(self, connection: Connection) -> None:
        """A connection has ended."""
        if connection not in self._carriers:
            return
        self._carriers.remove(connection)
        host = host_of(connection.socket_address)
        self._open[host] -= 1
        if not self._open[host]:
            del self._open[host]
            self.remember((host,))

    def remember(self, hosts: Iterable[str]) -> None:
        """Expect brokers from these hosts, though no connection is open."""
        for host in hosts:
            if host not in self._open:
                self._gone[host] = None
                self._gone.move_to_end(host)
        while len(self._gone) > _MOST_GONE_HOSTS:
            self._gone.popitem(last=False)

    def rank_of(self, connection: Connection) -> Rank:
        """The rank of a connection."""
        if connection.registered:
            return Rank.BROKER
        is_known = host_of(connection.socket_address) in self
        return Rank.NEIGHBOUR if is_known else Rank.STRANGER


def host_of(address: str) -> str:
    """The host of a `host:port` text."""
    return address.rpartition(":")[0]


def address_text(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """`host:port`, an IPv6 host in brackets, and one of IPv4 as IPv4 writes it."""
    host, port = address[:2]
    if host.startswith(_MAPPED_IPV4):
        host = str(IPv6Address(host).ipv4_mapped or host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

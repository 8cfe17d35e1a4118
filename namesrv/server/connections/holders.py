"""Connections that hold part of a budget, in the order in which they are closed.

They are ordered by rank, so that brokers are closed last, and then by the time without
progress. Each step takes constant time.
"""

from collections import OrderedDict
from collections.abc import Iterator

from namesrv.server.connections.broker_hosts import BrokerHosts, Rank
from namesrv.server.connections.served import Served


class _Holding:
    __slots__ = ("held_bytes", "progress_ms", "rank")

    def __init__(self, progress_ms: int, rank: Rank) -> None:
        self.held_bytes = 0
        self.progress_ms = progress_ms
        self.rank = rank


class Holders:
    """The bytes that each connection holds; `total_bytes` are those of all."""

    def __init__(self, hosts: BrokerHosts) -> None:
        self._hosts = hosts
        self._holdings: dict[Served, _Holding] = {}
        self._lines: dict[Rank, OrderedDict[Served, None]] = {
            rank: OrderedDict() for rank in Rank
        }
        self.total_bytes = 0

    def __contains__(self, protocol: Served) -> bool:
        return protocol in self._holdings

    def bytes_of(self, protocol: Served) -> int:
        """The bytes that a connection holds."""
        holding = self._holdings.get(protocol)
        return 0 if holding is None else holding.held_bytes

    def hold(self, protocol: Served, held_bytes: int, progress_ms: int) -> None:
        """Note the bytes that a connection holds, and the time of its progress."""
        holding = self._holdings.get(protocol)
        if holding is None:
            rank = self._hosts.rank_of(protocol.connection)
            holding = self._holdings[protocol] = _Holding(progress_ms, rank)
            self._lines[rank][protocol] = None
        elif progress_ms > holding.progress_ms:
            holding.progress_ms = progress_ms
            self._lines[holding.rank].move_to_end(protocol)
        self.total_bytes += held_bytes - holding.held_bytes
        holding.held_bytes = held_bytes

    def release(self, protocol: Served) -> int:
        """Remove a connection; returns the bytes that it held."""
        holding = self._holdings.pop(protocol, None)
        if holding is None:
            return 0
        del self._lines[holding.rank][protocol]
        self.total_bytes -= holding.held_bytes
        return holding.held_bytes

    def first_to_go(self) -> Served | None:
        """The connection to close next, or None."""
        for rank, line in self._lines.items():
            while line:
                protocol = next(iter(line))
                rank_now = self._hosts.rank_of(protocol.connection)
                if rank_now <= rank:
                    return protocol
                # A broker has registered on it since it was put into line.
                del line[protocol]
                self._lines[rank_now][protocol] = None
                self._holdings[protocol].rank = rank_now
        return None

    def without_progress(self, before_ms: int) -> Iterator[tuple[Served, int, int]]:
        """Connections without progress since then, their bytes and last progress."""
        for line in self._lines.values():
            for protocol in list(line):
                holding = self._holdings[protocol]
                if holding.progress_ms >= before_ms:
                    break
                yield protocol, holding.held_bytes, holding.progress_ms

"""Addresses of one broker group, by broker id and the other way round.

Ids are in an ordered list and not in a dictionary: brokers choose them, and CPython
hashes whole numbers without a seed, so that a peer could make all of them collide.
Source: `BrokerData#brokerAddrs`, protocol.md section 3.1.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, MutableMapping, Sequence


class BrokerAddrs(MutableMapping[int, str | None]):
    """Broker id -> address (null only when a sender left it out), lowest id first."""

    __slots__ = ("_addrs", "_ids", "_ids_of")

    def __init__(self, addrs: Mapping[int, str | None] | None = None) -> None:
        self._ids: list[int] = []
        self._addrs: list[str | None] = []
        self._ids_of: dict[str | None, tuple[int, ...]] = {}
        if addrs:
            self.update(addrs)

    @property
    def lowest(self) -> int | None:
        """Lowest id, or None without any."""
        return self._ids[0] if self._ids else None

    def ids_of(self, addr: str | None) -> Sequence[int]:
        """The ids that have an address, almost always one."""
        return self._ids_of.get(addr, ())

    def __getitem__(self, broker_id: int) -> str | None:
        place = bisect_left(self._ids, broker_id)
        if place == len(self._ids) or self._ids[place] != broker_id:
            raise KeyError(broker_id)
        return self._addrs[place]

    def __setitem__(self, broker_id: int, addr: str | None) -> None:
        place = bisect_left(self._ids, broker_id)
        if place < len(self._ids) and self._ids[place] == broker_id:
            self._forget_id(self._addrs[place], broker_id)
            self._addrs[place] = addr
        else:
            self._ids.insert(place, broker_id)
            self._addrs.insert(place, addr)
        self._ids_of[addr] = (*self.ids_of(addr), broker_id)

    def __delitem__(self, broker_id: int) -> None:
        self._forget_id(self[broker_id], broker_id)
        place = bisect_left(self._ids, broker_id)
        del self._ids[place], self._addrs[place]

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def known(self) -> Iterator[tuple[int, str]]:
        """Ids and their addresses, without those that have none."""
        for broker_id, addr in zip(self._ids, self._addrs, strict=True):
            if addr is not None:
                yield broker_id, addr

    def _forget_id(self, addr: str | None, broker_id: int) -> None:
        ids = self._ids_of.pop(addr)
        if len(ids) > 1:
            self._ids_of[addr] = tuple(other for other in ids if other != broker_id)

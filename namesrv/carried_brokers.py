"""The brokers of one connection, for both twins of `Connection`.

A live broker is carried by the connection of its last registration, and by no other. A
connection remembers the last brokers that it lost to other connections, so that a late
unregistration is recognised as stale (docs/architecture.md, "The state").
"""

from collections.abc import Set
from typing import Final

from msgspec import Struct

BrokerKey = tuple[str, str]
"""(cluster, address)."""

MOST_LOST_BROKERS: Final = 64
_NOBODY: Final[Set[BrokerKey]] = frozenset()


class CarriedBrokers(Struct):
    """`live` are the live brokers whose last registration came over the connection."""

    live: Set[BrokerKey] = _NOBODY
    # Hashes, because names may be long. Their order is that of the losses.
    _lost: dict[int, None] | None = None

    def add(self, key: BrokerKey) -> None:
        """A broker registered on this connection."""
        if isinstance(self.live, set):
            self.live.add(key)
        else:
            self.live = {key}

    def lose(self, key: BrokerKey) -> None:
        """A broker expired or registered elsewhere; `has_lost` knows the last 64."""
        if key not in self.live:
            return
        self._drop(key)
        if self._lost is None:
            self._lost = {}
        self._lost[hash(key)] = None
        if len(self._lost) > MOST_LOST_BROKERS:
            del self._lost[next(iter(self._lost))]

    def has_lost(self, key: BrokerKey) -> bool:
        """Whether a broker is among the last 64 that `lose` took away."""
        return self._lost is not None and hash(key) in self._lost

    def discard(self, key: BrokerKey) -> None:
        """A broker unregistered over this connection: forget it."""
        self._drop(key)
        if self._lost is not None:
            self._lost.pop(hash(key), None)

    def _drop(self, key: BrokerKey) -> None:
        if isinstance(self.live, set):
            self.live.discard(key)
            if not self.live:
                # A set keeps its memory when it shrinks.
                self.live = _NOBODY

"""The brokers of one connection, for both twins of `Connection`.

A live broker is carried by the connection that it registered on last, and by no other.
A connection remembers for a while which brokers it lost to others, so that late last
words from there can be told (docs/architecture.md, "The state").
"""

from collections.abc import Set
from dataclasses import dataclass
from typing import Final

BrokerKey = tuple[str, str]
"""(cluster, address)."""

MOST_LOST_BROKERS: Final = 64
_NOBODY: Final[Set[BrokerKey]] = frozenset()


@dataclass(slots=True)
class CarriedBrokers:
    """`live` are the live brokers that registered last on this connection."""

    live: Set[BrokerKey] = _NOBODY
    # Hashes, because names may be long; in the order of the losses.
    _lost: dict[int, None] | None = None

    def add(self, key: BrokerKey) -> None:
        """A broker registered on this connection."""
        if isinstance(self.live, set):
            self.live.add(key)
        else:
            self.live = {key}

    def lose(self, key: BrokerKey) -> None:
        """It is gone, or registered elsewhere; `has_lost` remembers the last few."""
        if key not in self.live:
            return
        self._drop(key)
        if self._lost is None:
            self._lost = {}
        self._lost[hash(key)] = None
        if len(self._lost) > MOST_LOST_BROKERS:
            del self._lost[next(iter(self._lost))]

    def has_lost(self, key: BrokerKey) -> bool:
        """Whether it was among the last brokers that went, and did not say so here."""
        return self._lost is not None and hash(key) in self._lost

    def discard(self, key: BrokerKey) -> None:
        """It said good-bye here: nothing of it is remembered."""
        self._drop(key)
        if self._lost is not None:
            self._lost.pop(hash(key), None)

    def _drop(self, key: BrokerKey) -> None:
        if isinstance(self.live, set):
            self.live.discard(key)
            if not self.live:
                # A set that shrinks keeps its room.
                self.live = _NOBODY

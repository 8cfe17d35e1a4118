"""The leases of brokers of the last run that were not heard from yet.

A broker of a snapshot lives for a lease, from a warm start on, until it is heard of.
Restarts do not renew it: only a broker that was heard of in the last run gets a whole
one, the others the rest of theirs. A lease counts the time in which the broker
could have been heard of: while a server ran and the machine did not stand still.
"""

from collections.abc import Iterable

from namesrv._impl import BrokerLiveInfo
from namesrv.routing.tables.route_tables import RouteTables

Key = tuple[str, str]
"""(cluster, address)."""


class Leases:
    """The leases of a server's brokers; `granted` is the number of brokers that got
    one, and the length the number of those that were not heard from yet.

    Times are those of the last tick, because the time since then may be a stall of the
    machine that was not noticed yet.
    """

    def __init__(self, tables: RouteTables, started_ms: int) -> None:
        self._tables = tables
        # Served time less monotonic time.
        self._served_offset_millis = -started_ms
        self._ticked_ms = started_ms
        # The last sign of life that a lease has set, by (cluster, address).
        self._leased: dict[Key, int] = {}
        self._times: set[int] = set()
        self.granted = 0

    def __len__(self) -> int:
        return len(self._leased)

    @property
    def served_millis(self) -> int:
        """How long brokers could have been heard of, in all runs together."""
        return max(self._ticked_ms + self._served_offset_millis, 0)

    def grant(
        self,
        infos: Iterable[BrokerLiveInfo],
        left_millis: dict[Key, int],
        lease_millis: int,
        now_ms: int,
    ) -> None:
        """Brokers of a snapshot live for so long, unless they are heard of; those of
        `left_millis` no longer than that."""
        for info in infos:
            left = min(left_millis.get(info.key, lease_millis), lease_millis)
            heard_of = now_ms + max(left, 0) - info.heartbeat_timeout_millis
            info.last_update_timestamp = self._leased[info.key] = heard_of
        self._times = set(self._leased.values())
        self.granted = len(self._leased)
        if self._leased:
            self._tables.leases_changed()

    def serve_on(self, served_millis: int, now_ms: int) -> None:
        """The last run had served for so long."""
        self._served_offset_millis = served_millis - now_ms
        self._ticked_ms = now_ms

    def shift(self, millis: int) -> None:
        """The machine stood still for so long: no broker could have been heard from."""
        self._served_offset_millis -= millis
        self._ticked_ms += millis
        for key in self._leased:
            self._leased[key] += millis
        self._times = set(self._leased.values())

    def tick(self, now_ms: int) -> None:
        """Move leases off the time of this tick: a broker that is heard from now would
        pass for one that was not."""
        self._ticked_ms = now_ms
        if now_ms not in self._times:
            return
        live = self._tables.broker_live_table
        for key, heard_of in self._leased.items():
            info = live.get(*key) if heard_of == now_ms else None
            if info is not None and self.is_unconfirmed(info):
                info.last_update_timestamp = self._leased[key] = now_ms - 1
        self._times = set(self._leased.values())

    def is_unconfirmed(self, info: BrokerLiveInfo) -> bool:
        """Whether a broker of a snapshot was not heard of yet."""
        heard_of = self._leased.get(info.key)
        return info.owner is None and heard_of == info.last_update_timestamp

    def left_millis(self) -> dict[Key, int]:
        """How much is left to each broker that was not heard of yet."""
        infos = (self._tables.broker_live_table.get(*key) for key in self._leased)
        return {
            info.key: info.last_update_timestamp
            + info.heartbeat_timeout_millis
            - self._ticked_ms
            for info in infos
            if info is not None and self.is_unconfirmed(info)
        }

    def drop_confirmed(self) -> None:
        """A broker that was heard of, or is gone, needs no lease any more; the file has
        to know, although nothing else changed."""
        live = self._tables.broker_live_table
        over = []
        for key in self._leased:
            info = live.get(*key)
            if info is None or not self.is_unconfirmed(info):
                over.append(key)
        for key in over:
            del self._leased[key]
        if over:
            self._tables.leases_changed()

"""Who is alive: the expiry scan, ends of connections, and stalls of our own process.

Our own stall is not the brokers' death: after a pause of the process, expiries and
closes are held until pending input was read plus one grace interval, and deadlines move
by the length of the stall. Source: `RouteInfoManager#scanNotActiveBroker` and
`#onChannelDestroy`, protocol.md sections 3.5 and 3.6.
"""

from collections.abc import Iterable
from typing import Final

from namesrv._impl import BrokerLiveInfo, Connection
from namesrv.hot_path import Pause
from namesrv.options import Options
from namesrv.routing.leftovers import LeftoverKind
from namesrv.routing.outbox import Close, Outbox
from namesrv.routing.tables import RouteTables
from namesrv.routing.unfinished import UnfinishedWork
from namesrv.routing.unregistration import unregister_live_broker
from namesrv.work import WAIT, Cost, Steps

TICK_MILLIS: Final = 100
"""How often the server calls `tick`, at least."""
STALL_MILLIS: Final = 1500
"""A tick that comes later than this says that our process stood still."""
GRACE_MILLIS: Final = 5000
"""How long after a stall nobody is declared dead."""
_BROKERS_PER_MILLI: Final = 20
"""Looked at by scans in a millisecond, on average, at most: a tenth of the time."""
_MAPPING_KEPT_MILLIS: Final = 86_400_000


class Liveness:
    """Decides when a silent broker is gone. `now_ms` is monotonic everywhere."""

    def __init__(
        self,
        tables: RouteTables,
        options: Options,
        outbox: Outbox,
        unfinished: UnfinishedWork,
    ) -> None:
        self._tables = tables
        self._options = options
        self._outbox = outbox
        self._unfinished = unfinished
        self._is_scanning = False
        self._last_tick_ms: int | None = None
        self._last_scan_ms: int | None = None
        self._held_until_ms = 0
        self._held_closes: list[Connection] = []
        self._is_ending = False
        # What a lease set as a broker's time, by (cluster, address).
        self._leased: dict[tuple[str, str], int] = {}

    def is_holding(self, now_ms: int) -> bool:
        """Whether nobody is declared dead at present, because we stood still."""
        return now_ms < self._held_until_ms

    def lease(
        self, infos: Iterable[BrokerLiveInfo], now_ms: int, lease_millis: int
    ) -> None:
        """Brokers of a snapshot live for so long, unless they are heard of; from then
        on their own timeout counts."""
        for info in infos:
            heard_of = now_ms + lease_millis - info.heartbeat_timeout_millis
            info.last_update_timestamp = self._leased[info.key] = heard_of

    def end(self) -> None:
        """From now on nobody is declared dead: brokers are told to go elsewhere, so
        that their silence says nothing."""
        self._is_ending = True

    def is_unconfirmed(self, info: BrokerLiveInfo) -> bool:
        """Whether a broker of a snapshot was not heard of yet."""
        heard_of = self._leased.get(info.key)
        return info.owner is None and heard_of == info.last_update_timestamp

    def tick(self, now_ms: int) -> None:
        """Call it every TICK_MILLIS or sooner; scans when it is time."""
        self._notice_stall(now_ms)
        self._last_tick_ms = now_ms
        if self._is_ending or self.is_holding(now_ms):
            return
        held, self._held_closes = self._held_closes, []
        for connection in held:
            self._unfinished.begin(self._remove_brokers_of(connection, now_ms))
        if not self._is_scanning and self._is_scan_due(now_ms):
            self._last_scan_ms = now_ms
            self._is_scanning = True
            self._unfinished.begin(self._scan(now_ms))

    def _is_scan_due(self, now_ms: int) -> bool:
        """By the interval, and by how much there is to look at: an interval that is
        short for so many brokers would leave no time for anything else."""
        last_ms = self._last_scan_ms
        brokers = len(self._tables.broker_live_table)
        shortest = brokers // _BROKERS_PER_MILLI
        interval = max(self._options.scan_not_active_broker_interval, shortest)
        return last_ms is None or now_ms - last_ms >= interval

    def _scan(self, now_ms: int) -> Steps[None]:
        try:
            yield from self._scan_not_active_broker(now_ms)
            yield from self._clear_leftovers(now_ms)
        finally:
            self._is_scanning = False

    def on_channel_destroy(self, connection: Connection, now_ms: int) -> None:
        """A connection ended: the brokers that registered on it last are gone."""
        self._notice_stall(now_ms)
        if self.is_holding(now_ms):
            self._held_closes.append(connection)
        else:
            self._unfinished.begin(self._remove_brokers_of(connection, now_ms))

    def _notice_stall(self, now_ms: int) -> None:
        last = self._last_tick_ms
        if last is None or now_ms - last <= STALL_MILLIS:
            return
        stall = now_ms - last - TICK_MILLIS
        self._last_tick_ms = now_ms
        self._held_until_ms = now_ms + GRACE_MILLIS
        self._tables.broker_live_table.shift(stall)
        for key in self._leased:
            self._leased[key] += stall
        self._outbox.warn(
            "this process stood still, nobody is declared dead for a while",
            stall_millis=stall,
            grace_millis=GRACE_MILLIS,
        )

    def _remove_brokers_of(self, connection: Connection, now_ms: int) -> Steps[None]:
        """Fenced: a broker that registered elsewhere since is not touched."""
        while self._unfinished.is_asking(connection):
            yield WAIT
        for key in sorted(connection.registered):
            yield Cost.GROUP
            if self._held_until_ms > now_ms:
                # We stood still meanwhile.
                self._held_closes.append(connection)
                return
            info = self._tables.broker_live_table.get(*key)
            if info is None or info.owner is not connection:
                continue
            yield from self._tables.busy.wait(info.broker_name)
            if self._tables.broker_live_table.get(*key) is not info:
                continue
            if info.owner is not connection:
                continue
            self._outbox.info(
                "connection of a broker ended",
                cluster=info.cluster_name,
                broker=info.broker_name,
                address=info.broker_addr,
                remote=connection.remote_address,
            )
            yield from unregister_live_broker(
                self._tables, self._options, self._outbox, info, now_ms
            )

    def _scan_not_active_broker(self, now_ms: int) -> Steps[None]:
        table = self._tables.broker_live_table
        expired = table.expired(now_ms)
        yield Cost.REQUEST + len(table) // _BROKERS_PER_MILLI
        for info in expired:
            yield Cost.GROUP
            yield from self._tables.busy.wait(info.broker_name)
            if self._is_ending or self._held_until_ms > now_ms:
                return
            if not _is_expired(info, now_ms) or table.get(*info.key) is not info:
                continue
            self._report_expired(info, now_ms)
            yield from unregister_live_broker(
                self._tables, self._options, self._outbox, info, now_ms
            )
            owner = info.owner
            if not isinstance(owner, Connection) or owner.pause != Pause.NONE:
                continue  # what it said last waits to be heard
            if not self._carries_live_broker(owner):
                self._outbox.put(Close(owner))

    def _report_expired(self, info: BrokerLiveInfo, now_ms: int) -> None:
        fields: dict[str, object] = {
            "cluster": info.cluster_name,
            "broker": info.broker_name,
            "address": info.broker_addr,
        }
        if self.is_unconfirmed(info):
            event = "broker of the last run did not come back"
            self._outbox.warn(event, **fields)
            return
        self._outbox.warn(
            "broker expired",
            **fields,
            timeout_millis=info.heartbeat_timeout_millis,
            silent_millis=now_ms - info.last_update_timestamp,
        )

    def _carries_live_broker(self, connection: Connection) -> bool:
        for key in connection.registered:
            info = self._tables.broker_live_table.get(*key)
            if info is not None and info.owner is connection:
                return True
        return False

    def _clear_leftovers(self, now_ms: int) -> Steps[None]:
        """What refused, broken or clashing registrations left behind goes in time."""
        tables = self._tables
        for kind, name, what in tables.leftovers.due(now_ms):
            yield Cost.GROUP
            if kind == LeftoverKind.NAME:
                if name is None or name not in tables.broker_addr_table:
                    tables.leave_cluster(what or "", name)
            elif name is not None:
                addr_of = [what] if kind == LeftoverKind.ADDRESS else []
                yield from self._remove_dead(name, addr_of, now_ms)
        while tables.gone_since:
            name, at = next(iter(tables.gone_since.items()))
            if now_ms - at < _MAPPING_KEPT_MILLIS:
                return
            del tables.gone_since[name]
            tables.remove_mappings(name)
            yield Cost.GROUP

    def _remove_dead(
        self, name: str, addrs: list[str | None], now_ms: int
    ) -> Steps[None]:
        """Take addresses out of a group that nobody registers, and the group out if
        it has none."""
        tables = self._tables
        yield from tables.busy.wait(name)
        data = tables.broker_addr_table.get(name)
        if data is None:
            return
        with tables.busy.hold(name):
            ids = [
                broker_id
                for addr in addrs
                if addr is None or not data.live_clusters_at(addr)
                for broker_id in data.broker_addrs.ids_of(addr)
            ]
            for broker_id in ids:
                tables.drop_addr(data, broker_id)
            if ids:
                yield from tables.group_changed(data)
            if not data.broker_addrs:
                yield from tables.remove_group(name, now_ms)


def _is_expired(info: BrokerLiveInfo, now_ms: int) -> bool:
    """What its connection sent and waits to be heard counts from when it was read."""
    heard_ms, owner = info.last_update_timestamp, info.owner
    if isinstance(owner, Connection) and owner.pause != Pause.NONE:
        heard_ms = max(heard_ms, owner.read_ms)
    return now_ms - heard_ms > info.heartbeat_timeout_millis

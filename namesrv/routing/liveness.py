"""Who is alive: the expiry scan, ends of connections, and stalls of our own process.

Our own stall is not the brokers' death: after a pause of the process, expiries and
closes are held until pending input was read plus one grace interval, and deadlines move
by the length of the stall. Source: `RouteInfoManager#scanNotActiveBroker` and
`#onChannelDestroy`, protocol.md sections 3.5 and 3.6.
"""

import logging
from collections.abc import Iterable
from typing import Final

from namesrv._impl import BrokerLiveInfo, Connection
from namesrv.codes import DEFAULT_HEARTBEAT_TIMEOUT_MILLIS
from namesrv.options import Options
from namesrv.routing.broker_data import BrokerData
from namesrv.routing.outbox import Close, Outbox
from namesrv.routing.tables import RouteTables
from namesrv.routing.unregistration import unregister_live_broker

TICK_MILLIS: Final = 100
"""How often the server calls `tick`, at least."""
STALL_MILLIS: Final = 1500
"""A tick that comes later than this says that our process stood still."""
GRACE_MILLIS: Final = 5000
"""How long after a stall nobody is declared dead."""
_MAPPING_KEPT_MILLIS: Final = 86_400_000
_LEFTOVER_KEPT_MILLIS: Final = DEFAULT_HEARTBEAT_TIMEOUT_MILLIS

_Leftover = tuple[str | None, str | int | None]
"""(broker name, what): what is an id of the group, a cluster, or None for the group."""


class Liveness:
    """Decides when a silent broker is gone. `now_ms` is monotonic everywhere."""

    def __init__(self, tables: RouteTables, options: Options, outbox: Outbox) -> None:
        self._tables = tables
        self._options = options
        self._outbox = outbox
        self._last_tick_ms: int | None = None
        self._last_scan_ms: int | None = None
        self._held_until_ms = 0
        self._held_closes: list[Connection] = []
        self._is_ending = False
        self._leftover_since: dict[_Leftover, int] = {}
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
            self._remove_brokers_of(connection, now_ms)
        interval = self._options.scan_not_active_broker_interval
        if self._last_scan_ms is None or now_ms - self._last_scan_ms >= interval:
            self._last_scan_ms = now_ms
            self._scan_not_active_broker(now_ms)
            self._clear_leftovers(now_ms)

    def on_channel_destroy(self, connection: Connection, now_ms: int) -> None:
        """A connection ended: the brokers that registered on it last are gone."""
        self._notice_stall(now_ms)
        if self.is_holding(now_ms):
            self._held_closes.append(connection)
        else:
            self._remove_brokers_of(connection, now_ms)

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

    def _remove_brokers_of(self, connection: Connection, now_ms: int) -> None:
        """Fenced: a broker that registered elsewhere since is not touched."""
        for key in sorted(connection.registered):
            info = self._tables.broker_live_table.get(*key)
            if info is None or info.owner is not connection:
                continue
            self._outbox.broker_changed(
                logging.INFO,
                "connection of a broker ended",
                cluster=info.cluster_name,
                broker=info.broker_name,
                address=info.broker_addr,
                remote=connection.remote_address,
            )
            unregister_live_broker(
                self._tables, self._options, self._outbox, info, now_ms
            )

    def _scan_not_active_broker(self, now_ms: int) -> None:
        for info in self._tables.broker_live_table.expired(now_ms):
            self._report_expired(info, now_ms)
            unregister_live_broker(
                self._tables, self._options, self._outbox, info, now_ms
            )
            owner = info.owner
            if isinstance(owner, Connection) and not self._carries_live_broker(owner):
                self._outbox.put(Close(owner))

    def _report_expired(self, info: BrokerLiveInfo, now_ms: int) -> None:
        fields: dict[str, object] = {
            "cluster": info.cluster_name,
            "broker": info.broker_name,
            "address": info.broker_addr,
        }
        if self.is_unconfirmed(info):
            event = "broker of the last run did not come back"
            self._outbox.broker_changed(logging.WARNING, event, **fields)
            return
        self._outbox.broker_changed(
            logging.WARNING,
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

    def _clear_leftovers(self, now_ms: int) -> None:
        """What refused, broken or clashing registrations left behind goes in time."""
        tables = self._tables
        leftovers = self._leftovers()
        since = {k: self._leftover_since.get(k, now_ms) for k in leftovers}
        due = [k for k, at in since.items() if now_ms - at >= _LEFTOVER_KEPT_MILLIS]
        for name, what in due:
            del since[name, what]
            if isinstance(what, str):
                tables.leave_cluster(what, name)
            elif name in tables.broker_addr_table:
                self._remove_dead_addr(tables.broker_addr_table[name], what, now_ms)
        self._leftover_since = since
        for name, at in list(tables.gone_since.items()):
            if now_ms - at >= _MAPPING_KEPT_MILLIS:
                del tables.gone_since[name]
                tables.remove_mappings(name)

    def _leftovers(self) -> list[_Leftover]:
        """(group, id) of addresses that nobody registers, (group, None) of groups
        without addresses, (name, cluster) of names without a group."""
        tables = self._tables
        found: list[_Leftover] = []
        for name, data in tables.broker_addr_table.items():
            live = {addr for _, addr in data.live_keys}
            found += [(name, i) for i, a in data.broker_addrs.items() if a not in live]
            if not data.broker_addrs:
                found.append((name, None))
        for cluster, names in tables.cluster_addr_table.items():
            found += [
                (name, cluster)
                for name in names
                if name is None or name not in tables.broker_addr_table
            ]
        return found

    def _remove_dead_addr(
        self, data: BrokerData, broker_id: int | None, now_ms: int
    ) -> None:
        if broker_id is not None and broker_id in data.broker_addrs:
            del data.broker_addrs[broker_id]
            self._tables.group_changed(data)
        if not data.broker_addrs:
            self._tables.remove_group(data.broker_name, now_ms)

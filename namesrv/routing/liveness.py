"""Who is alive: the expiry scan, ends of connections, and stalls of our own process.

Our own stall is not the brokers' death: nobody is judged by what was not read yet
(`routing/stalls.py`). Source: `RouteInfoManager#scanNotActiveBroker` and
`#onChannelDestroy`, protocol.md sections 3.5 and 3.6.
"""

from typing import Final

from namesrv._impl import BrokerLiveInfo, Connection
from namesrv.codes import DEFAULT_HEARTBEAT_TIMEOUT_MILLIS
from namesrv.options import Options
from namesrv.routing.broker_data import BrokerData
from namesrv.routing.leases import Leases
from namesrv.routing.outbox import Close, Outbox
from namesrv.routing.stalls import Stalls
from namesrv.routing.tables import RouteTables
from namesrv.routing.unregistration import unregister_live_broker

_CONFIRMATION_MILLIS: Final = 1000
"""How often it is looked who of the last run was heard of."""
_MAPPING_KEPT_MILLIS: Final = 86_400_000
_LEFTOVER_KEPT_MILLIS: Final = DEFAULT_HEARTBEAT_TIMEOUT_MILLIS

_Leftover = tuple[str | None, str | int | None]
"""(broker name, what): what is an id of the group, a cluster, or None for the group."""


class Liveness:
    """Decides when a silent broker is gone. `now_ms` is monotonic everywhere.

    `leases` are those of brokers of the last run.
    """

    def __init__(
        self, tables: RouteTables, options: Options, outbox: Outbox, started_ms: int
    ) -> None:
        self._tables = tables
        self._options = options
        self._outbox = outbox
        self._stalls = Stalls()
        self._last_scan_ms: int | None = None
        # Ends that are held, and from when on each of them may count.
        self._held_closes: list[tuple[Connection, int]] = []
        self._is_ending = False
        self._leftover_since: dict[_Leftover, int] = {}
        self._next_confirmation_ms = 0
        self.leases = Leases(tables, started_ms)

    def read_until_ms(self, now_ms: int) -> int:
        """Up to which moment all that peers have sent counts as read: now, or before a
        stall of our own that may have kept us from reading."""
        return self._stalls.read_until_ms(now_ms)

    def end(self) -> None:
        """From now on nobody is declared dead: brokers are told to go elsewhere, so
        that their silence says nothing."""
        self._is_ending = True

    def tick(self, cpu_ms: int, now_ms: int) -> None:
        """Call it every TICK_MILLIS or sooner; scans when it is time.

        `cpu_ms` is the CPU time that this process has used, in milliseconds.
        """
        self._notice_stall(cpu_ms, now_ms)
        judged_ms = self._stalls.tick(cpu_ms, now_ms)
        if self.leases and now_ms >= self._next_confirmation_ms:
            self._next_confirmation_ms = now_ms + _CONFIRMATION_MILLIS
            self.leases.drop_confirmed()
        if self._is_ending or self._stalls.is_grace(now_ms):
            return
        self._remove_held(now_ms)
        interval = self._options.scan_not_active_broker_interval
        if self._last_scan_ms is None or now_ms - self._last_scan_ms >= interval:
            self._last_scan_ms = now_ms
            self._scan_not_active_broker(judged_ms, now_ms)
            self._clear_leftovers(judged_ms, now_ms)

    def on_channel_destroy(
        self, connection: Connection, cpu_ms: int, now_ms: int
    ) -> None:
        """A connection ended: the brokers that registered on it last are gone."""
        self._notice_stall(cpu_ms, now_ms)
        held_until_ms = self._stalls.held_until_ms(now_ms)
        if held_until_ms > now_ms:
            self._held_closes.append((connection, held_until_ms))
        else:
            self._remove_brokers_of(connection, now_ms)

    def _notice_stall(self, cpu_ms: int, now_ms: int) -> None:
        stall = self._stalls.notice(cpu_ms, now_ms)
        if stall is None:
            return
        if stall.machine_millis:
            self._tables.broker_live_table.shift(stall.machine_millis)
            self.leases.shift(stall.machine_millis)
            event = "this process stood still, nobody is declared dead for a while"
        else:
            event = "one piece of work took long, ends are held for a moment"
        self._outbox.warn(event, **stall._asdict())

    def _remove_held(self, now_ms: int) -> None:
        """Those whose time has come, in the order in which they were heard of."""
        held, self._held_closes = self._held_closes, []
        for connection, until_ms in held:
            if until_ms <= now_ms:
                self._remove_brokers_of(connection, now_ms)
            else:
                self._held_closes.append((connection, until_ms))

    def _remove_brokers_of(self, connection: Connection, now_ms: int) -> None:
        """Fenced: a broker that registered elsewhere since is not touched."""
        for key in sorted(connection.registered):
            info = self._tables.broker_live_table.get(*key)
            if info is None or info.owner is not connection:
                continue
            self._outbox.info(
                "connection of a broker ended",
                cluster=info.cluster_name,
                broker=info.broker_name,
                address=info.broker_addr,
                remote=connection.remote_address,
            )
            unregister_live_broker(
                self._tables, self._options, self._outbox, info, now_ms
            )

    def _scan_not_active_broker(self, judged_ms: int, now_ms: int) -> None:
        for info in self._tables.broker_live_table.expired(judged_ms):
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
        if self.leases.is_unconfirmed(info):
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

    def _clear_leftovers(self, judged_ms: int, now_ms: int) -> None:
        """What refused, broken or clashing registrations left behind goes in time."""
        tables = self._tables
        leftovers = self._leftovers()
        since = {k: self._leftover_since.get(k, now_ms) for k in leftovers}
        due = [k for k, at in since.items() if judged_ms - at >= _LEFTOVER_KEPT_MILLIS]
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

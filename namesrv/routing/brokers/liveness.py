"""Liveness: the expiry scan and ends of connections.

Source: `RouteInfoManager#scanNotActiveBroker` and `#onChannelDestroy`, protocol.md
sections 3.5 and 3.6.

Epochs, stalls and leases
=========================

A registration makes a live entry (`BrokerLiveInfo`) under (cluster, address). It has a
new epoch, an owner (the connection that it came on) and the time of the last sign of
life. Three events end it: silence for longer than its timeout, the end of its owner,
and an unregister request.

Epochs. Each of these is decided about an entry that was seen earlier: the scan works in
steps, an end may be held for seconds, an unregister may overtake its broker's next
registration. So the entry is compared again right before the removal. It must be the
same object with the same owner (ends) or still silent (expiry). A broker that has
registered again, under whatever name or cluster, is never removed by an older event
(P1).

Stalls (`stalls.py`). After a pause of this process the loop runs timers first, then
ends of old connections, then reads. The tick after a pause would see only silence. So:

    tick                 judges by input up to the tick before it
    late tick            notices a stall, of which the machine made a part (the process
                         was stopped or starved) and our own work the rest
    the machine's part   deadlines and leases move by it; no broker is declared dead for
                         one grace interval (5 s), no idle connection is closed, and
                         ends are held as long
    our own part         no deadline moves, because peers can cause work; ends are held
                         and input counts as unread for as long as the pause was, 5 s
                         at most

`read_until_ms` is the moment up to which all input counts as read. A sign of life that
waits for its turn counts from when it was read (`_is_expired`).

Leases (`leases.py`). A broker of a snapshot has no connection yet. It lives until it is
heard from, at most for a lease, whose end is written into the entry as if the broker
had been heard from at that moment less its timeout. It is unconfirmed as long as nobody
has changed that time or become its owner. Restarts do not renew leases: a broker that
was not confirmed in one run has the rest of its lease in the next. A lease counts the
time that was served, in all runs together; the machine's stalls are not served.

Our own end. From DRAINING on (`routing/turns/phase.py`) no broker is removed for
silence or a closed connection, because the server itself sends its peers away.
"""

from collections.abc import Sequence
from typing import Final

from namesrv._impl import BrokerLiveInfo, Connection
from namesrv.hot_path import Pause
from namesrv.routing.access.request import cause_of
from namesrv.routing.brokers.leases import Leases
from namesrv.routing.brokers.parts import Parts
from namesrv.routing.brokers.stalls import Stalls
from namesrv.routing.brokers.unregistration import unregister_live_broker
from namesrv.routing.events import Cause, CauseKind, LeftoverRemoved, TopicChanges
from namesrv.routing.outbox import Close
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.routing.tables.leftovers import Leftover, LeftoverKind
from namesrv.routing.turns.phase import Life, Phase
from namesrv.routing.turns.unfinished import UnfinishedWork
from namesrv.work import WAIT, Cost, Steps

_CONFIRMATION_MILLIS: Final = 1000
"""How often leases of brokers that were heard from are dropped."""
_BROKERS_PER_MILLI: Final = 20
"""Looked at by scans in a millisecond, on average, at most: a tenth of the time."""
_MAPPING_KEPT_MILLIS: Final = 86_400_000


class Liveness:
    """Decides when a silent broker is gone. `now_ms` is monotonic everywhere.

    `leases` are those of brokers of the last run; `machine_stalls` and `own_stalls`
    count pauses of this process by their maker.
    """

    def __init__(
        self, parts: Parts, unfinished: UnfinishedWork, life: Life, started_ms: int
    ) -> None:
        self._parts = parts
        self._tables, self._options, self._outbox, self._events = parts
        self._stalls = Stalls()
        self._unfinished = unfinished
        self._life = life
        self._is_scanning = False
        self._last_scan_ms: int | None = None
        # Ends that are held, and from when on each of them may count.
        self._held_closes: list[tuple[Connection, int]] = []
        self._next_confirmation_ms = 0
        self.leases = Leases(parts.tables, started_ms)
        self.machine_stalls = self.own_stalls = 0

    def read_until_ms(self, now_ms: int) -> int:
        """Up to which moment all that peers have sent counts as read: now, or before a
        stall of our own that may have kept us from reading."""
        return self._stalls.read_until_ms(now_ms)

    def is_grace(self, now_ms: int) -> bool:
        """Whether the machine made a stall a moment ago, so that nobody is dead."""
        return self._stalls.is_grace(now_ms)

    def tick(self, cpu_ms: int, now_ms: int) -> None:
        """Call it every TICK_MILLIS or sooner; scans when it is time.

        `cpu_ms` is the CPU time that this process has used, in milliseconds.
        """
        self._notice_stall(cpu_ms, now_ms)
        self.leases.tick(now_ms)
        judged_ms = self._stalls.tick(cpu_ms, now_ms)
        if self.leases and now_ms >= self._next_confirmation_ms:
            self._next_confirmation_ms = now_ms + _CONFIRMATION_MILLIS
            self.leases.drop_confirmed()
        if self._is_suspended(now_ms):
            return
        self._remove_held(now_ms)
        if not self._is_scanning and self._is_scan_due(now_ms):
            self._last_scan_ms = now_ms
            self._is_scanning = True
            self._unfinished.begin(self._scan(judged_ms, now_ms))

    def _is_suspended(self, now_ms: int) -> bool:
        """Whether no broker is declared dead: after a stall, and once our own end has
        begun, because a drain sends brokers to other servers."""
        return self._life.phase > Phase.SERVING or self.is_grace(now_ms)

    def _is_scan_due(self, now_ms: int) -> bool:
        """By the interval, and by the number of brokers: an interval that is
        short for so many brokers would leave no time for anything else."""
        last_ms = self._last_scan_ms
        brokers = len(self._tables.broker_live_table)
        shortest = brokers // _BROKERS_PER_MILLI
        interval = max(self._options.scan_not_active_broker_interval, shortest)
        return last_ms is None or now_ms - last_ms >= interval

    def _scan(self, judged_ms: int, now_ms: int) -> Steps[None]:
        try:
            yield from self._scan_not_active_broker(judged_ms, now_ms)
            yield from self._clear_leftovers(judged_ms, now_ms)
        finally:
            self._is_scanning = False

    def on_channel_destroy(
        self, connection: Connection, cpu_ms: int, now_ms: int
    ) -> None:
        """A connection ended: the brokers that registered on it last are gone."""
        self._notice_stall(cpu_ms, now_ms)
        held_until_ms = self._stalls.held_until_ms(now_ms)
        if held_until_ms > now_ms:
            self._held_closes.append((connection, held_until_ms))
        else:
            self._unfinished.begin(self._remove_brokers_of(connection, now_ms))

    def _notice_stall(self, cpu_ms: int, now_ms: int) -> None:
        stall = self._stalls.notice(cpu_ms, now_ms)
        if stall is None:
            return
        if stall.machine_millis:
            self.machine_stalls += 1
            self._tables.broker_live_table.shift(stall.machine_millis)
            self.leases.shift(stall.machine_millis)
            event = "this process stood still, nobody is declared dead for a while"
        else:
            self.own_stalls += 1
            event = "one piece of work took long, ends are held for a moment"
        self._outbox.warn(event, **stall._asdict())

    def _remove_held(self, now_ms: int) -> None:
        """Those whose time has come, in the order in which they were heard of."""
        held, self._held_closes = self._held_closes, []
        for connection, until_ms in held:
            if until_ms <= now_ms:
                self._unfinished.begin(self._remove_brokers_of(connection, now_ms))
            else:
                self._held_closes.append((connection, until_ms))

    def _remove_brokers_of(self, connection: Connection, now_ms: int) -> Steps[None]:
        """Fenced: a broker that registered elsewhere since is not touched."""
        while self._unfinished.is_asking(connection):
            yield WAIT
        for key in sorted(connection.registered):
            yield Cost.GROUP
            if self.is_grace(now_ms):
                # The machine stood still meanwhile.
                held_until_ms = self._stalls.held_until_ms(now_ms)
                self._held_closes.append((connection, held_until_ms))
                return
            info = self._tables.broker_live_table.get(*key)
            if info is None or info.owner is not connection:
                continue
            yield from self._tables.busy.wait(info.broker_name)
            if self._tables.broker_live_table.get(*key) is not info:
                continue
            if info.owner is not connection:
                continue
            cause = cause_of(connection, CauseKind.CONNECTION)
            yield from unregister_live_broker(self._parts, cause, info, now_ms)

    def _scan_not_active_broker(self, judged_ms: int, now_ms: int) -> Steps[None]:
        table = self._tables.broker_live_table
        expired = table.expired(judged_ms)
        yield Cost.REQUEST + len(table) // _BROKERS_PER_MILLI
        for info in expired:
            yield Cost.GROUP
            yield from self._tables.busy.wait(info.broker_name)
            if self._is_suspended(now_ms):
                return
            if not _is_expired(info, judged_ms) or table.get(*info.key) is not info:
                continue
            owner, cause = info.owner, self._cause_of_expiry(info)
            yield from unregister_live_broker(self._parts, cause, info, now_ms)
            if not isinstance(owner, Connection) or owner.pause != Pause.NONE:
                continue  # its last words wait to be heard
            if not self._carries_live_broker(owner):
                self._outbox.put(Close(owner))

    def _cause_of_expiry(self, info: BrokerLiveInfo) -> Cause:
        if self.leases.is_unconfirmed(info):
            return Cause(CauseKind.LEASE)
        if isinstance(info.owner, Connection):
            return cause_of(info.owner, CauseKind.EXPIRY)
        return Cause(CauseKind.EXPIRY)

    def _carries_live_broker(self, connection: Connection) -> bool:
        return bool(connection.registered)

    def _clear_leftovers(self, judged_ms: int, now_ms: int) -> Steps[None]:
        """Remove in time the leftovers of refused, broken or clashing registrations,
        and mappings of a group that has been gone for a day."""
        tables = self._tables
        for leftover in tables.leftovers.due(judged_ms, now_ms):
            yield Cost.GROUP
            if leftover.kind == LeftoverKind.NAME:
                self._leave_cluster(leftover)
            elif leftover.name is not None:
                yield from self._remove_dead(leftover, leftover.name, now_ms)
        while tables.gone_since:
            name, at = next(iter(tables.gone_since.items()))
            if now_ms - at < _MAPPING_KEPT_MILLIS:
                return
            del tables.gone_since[name]
            topics = tables.remove_mappings(name)
            self._put_removed(name, topics=TopicChanges(mapped=topics))
            yield Cost.GROUP

    def _leave_cluster(self, leftover: Leftover) -> None:
        """A name of a cluster that has no group by now."""
        name, cluster = leftover.name, leftover.what or ""
        if name is not None and name in self._tables.broker_addr_table:
            return
        if self._tables.leave_cluster(cluster, name):
            self._put_removed(name, cluster=cluster)

    def _remove_dead(self, leftover: Leftover, name: str, now_ms: int) -> Steps[None]:
        """An address of a group that nobody registers; then the group, if it has
        none."""
        tables = self._tables
        yield from tables.busy.wait(name)
        data = tables.broker_addr_table.get(name)
        if data is None:
            return
        topics = TopicChanges()
        with tables.busy.hold(name):
            ids = _dead_ids(leftover, data)
            for broker_id in ids:
                tables.drop_addr(data, broker_id)
            if ids:
                yield from tables.group_changed(data)
            is_group_gone = not data.broker_addrs
            if is_group_gone:
                yield from tables.remove_group(name, topics, now_ms)
        if ids or is_group_gone:
            address = leftover.what if ids else None
            self._put_removed(
                name, ids, topics, address=address, is_group_gone=is_group_gone
            )

    def _put_removed(
        self,
        name: str | None,
        ids: Sequence[int] = (),
        topics: TopicChanges | None = None,
        *,
        cluster: str | None = None,
        address: str | None = None,
        is_group_gone: bool = False,
    ) -> None:
        self._events.put(
            LeftoverRemoved(
                self._events.wall_millis(),
                Cause(CauseKind.LEFTOVER),
                name,
                cluster,
                tuple(ids),
                is_group_gone,
                topics or TopicChanges(),
                address,
            )
        )


def _dead_ids(leftover: Leftover, data: BrokerData) -> list[int]:
    """The ids of an address of a group that is live in no cluster."""
    addr = leftover.what
    if leftover.kind != LeftoverKind.ADDRESS:
        return []
    if addr is not None and data.live_clusters_at(addr):
        return []
    return list(data.broker_addrs.ids_of(addr))


def _is_expired(info: BrokerLiveInfo, judged_ms: int) -> bool:
    """Bytes of its connection that wait to be heard count from when they were read."""
    heard_ms, owner = info.last_update_timestamp, info.owner
    if isinstance(owner, Connection) and owner.pause != Pause.NONE:
        heard_ms = max(heard_ms, owner.read_ms)
    return judged_ms - heard_ms > info.heartbeat_timeout_millis

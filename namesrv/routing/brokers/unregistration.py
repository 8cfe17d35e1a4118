"""UNREGISTER_BROKER, and the removal after an expiry or a closed connection.

Source: `RouteInfoManager#unRegisterBroker`, protocol.md section 3.4. Unlike Java's,
which queues, it is carried out before it is answered.
"""

from typing import Final

from namesrv._impl import BrokerLiveInfo, Connection
from namesrv.codes import PERM_WRITE
from namesrv.routing.access.request import Request
from namesrv.routing.brokers.min_broker_id import notify_min_broker_id_change
from namesrv.routing.brokers.parts import Parts
from namesrv.routing.events import (
    BrokerDisconnected,
    BrokerExpired,
    BrokerRemoved,
    BrokerUnregistered,
    Cause,
    CauseKind,
    TopicChanges,
)
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.routing.tables.queue_steps import set_queues
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.wire.headers import BrokerRequestHeader
from namesrv.work import Cost, Steps, batches

_KINDS: Final[dict[CauseKind, type[BrokerRemoved]]] = {
    CauseKind.REQUEST: BrokerUnregistered,
    CauseKind.HTTP: BrokerUnregistered,
    CauseKind.EXPIRY: BrokerExpired,
    CauseKind.LEASE: BrokerExpired,
    CauseKind.CONNECTION: BrokerDisconnected,
}


def unregister_broker(
    parts: Parts, request: Request, header: BrokerRequestHeader
) -> Steps[None]:
    """Remove the broker that a request names.

    Until the last step some topics name a group that is gone, or are answered as
    before. Does nothing without cluster, name and address (Java's batch breaks off
    there). A registration of another connection under another cluster or name stays:
    the request is about something else (section 9, point 3).
    """
    cluster, addr, name = header.cluster_name, header.broker_addr, header.broker_name
    if cluster is None or addr is None or name is None:
        return
    removal = _Removal(parts, request.cause, (cluster, addr), name, request.now_ms)
    with parts.tables.busy.hold(name):
        yield from removal.by_request(header, request.owner)


def unregister_live_broker(
    parts: Parts, cause: Cause, info: BrokerLiveInfo, now_ms: int
) -> Steps[None]:
    """Remove a broker that expired or lost its connection, as `cause` names it.

    Its address stays in the group while another live entry has it. Source:
    `RouteInfoManager#onChannelDestroy`, protocol.md sections 3.5 and 3.6.
    """
    removal = _Removal(parts, cause, info.key, info.broker_name, now_ms)
    with parts.tables.busy.hold(info.broker_name):
        yield from removal.of_live()
        yield Cost.REMOVAL


class _Removal:
    """One broker that is being removed: an address of one group in one cluster.

    Afterwards one event has all that it changed.
    """

    def __init__(
        self, parts: Parts, cause: Cause, key: tuple[str, str], name: str, now_ms: int
    ) -> None:
        self._tables, self._options, self._outbox, self._events = parts
        self._cause = cause
        self._cluster, self._addr = key
        self._name = name
        self._now_ms = now_ms
        self._live: BrokerLiveInfo | None = None
        self._silent_millis: int | None = None
        self._ids: tuple[int, ...] = ()
        self._has_left_cluster = False
        self._registered_in: str | None = None
        self._is_group_gone = False
        self._is_read_only = False
        self._topics = TopicChanges()

    def by_request(
        self, header: BrokerRequestHeader, owner: Connection | None
    ) -> Steps[None]:
        """A peer asked for it on a connection, or over HTTP."""
        tables = self._tables
        live = tables.broker_live_table.get(self._cluster, self._addr)
        is_meant = live is not None and live.broker_name == self._name
        if live is None or is_meant or _is_own(live, owner):
            yield from self._remove_live()
        tables.forget_digests((self._name,))
        data = tables.broker_addr_table.get(self._name)
        if data is not None and header.broker_id is not None:
            is_held = is_meant or _is_held(tables, data, self._addr, owner)
            if not is_held or not (yield from self._leave_to_others(data)):
                yield from self._remove_from_group(data, header.broker_id)
        self._put()

    def of_live(self) -> Steps[None]:
        """It is live, and must not be any longer."""
        yield from self._remove_live()
        data = self._tables.broker_addr_table.get(self._name)
        if data is not None and not (yield from self._leave_to_others(data)):
            ids = data.broker_addrs.ids_of(self._addr)
            # Java would keep an entry without an address forever (trap 23).
            if ids:
                yield from self._remove_from_group(data, min(ids))
        self._put()

    def _remove_live(self) -> Steps[None]:
        return self._tables.remove_live(self._cluster, self._addr, self._on_removed)

    def _on_removed(self, live: BrokerLiveInfo) -> None:
        self._live = live
        # The time of a lease is no time of the broker's.
        if self._cause.kind != CauseKind.LEASE:
            self._silent_millis = self._now_ms - live.last_update_timestamp

    def _leave_to_others(self, data: BrokerData) -> Steps[bool]:
        """Whether the address of a live entry that is gone stays, because it is live in
        another cluster: the broker has registered again there.

        The group then leaves the cluster in which no broker of it is live any more.
        """
        others = data.live_clusters_at(self._addr)
        if not others:
            return False
        self._registered_in = min(others)
        if not data.lives_in(self._cluster):
            self._leave_cluster(data)
            if data.cluster == self._cluster:
                self._has_left_cluster = True
                data.cluster = self._registered_in
                yield from self._tables.group_changed(data)
        return True

    def _leave_cluster(self, data: BrokerData) -> None:
        if self._tables.leave_cluster(self._cluster, data.broker_name):
            self._has_left_cluster = True

    def _remove_from_group(self, data: BrokerData, broker_id: int) -> Steps[None]:
        """Take its address out of its group, with all consequences."""
        tables = self._tables
        was_lowest = broker_id == data.min_broker_id
        self._ids = tuple(data.broker_addrs.ids_of(self._addr))
        for removed_id in self._ids:
            tables.drop_addr(data, removed_id)
        if not data.broker_addrs:
            self._is_group_gone = True
            self._leave_cluster(data)
            yield from tables.remove_group(data.broker_name, self._topics, self._now_ms)
            return
        if self._ids:
            yield from tables.group_changed(data)
        if not data.enable_acting_master:
            return
        if data.lacks_master and not data.is_read_only:
            yield from self._take_write_permission(data)
        if was_lowest and self._options.notify_min_broker_id_changed:
            notify_min_broker_id_change(data, self._addr, None, self._outbox)

    def _take_write_permission(self, data: BrokerData) -> Steps[None]:
        """Without a master nobody can write to an acting group."""
        for some in batches(data.topics(), Cost.TOPIC):
            changed = data.queues_with_perm(some, lambda perm: perm & ~PERM_WRITE)
            yield from set_queues(self._tables, data, some, changed, self._topics)
            yield len(some) * Cost.TOPIC
        data.is_read_only = self._is_read_only = True

    def _put(self) -> None:
        live = self._live
        if not (
            live is not None
            or self._ids
            or self._has_left_cluster
            or self._is_group_gone
            or self._topics
        ):
            return
        self._events.put(
            _KINDS[self._cause.kind](
                self._events.wall_millis(),
                self._cause,
                self._cluster,
                self._name,
                self._addr,
                0 if live is None else live.epoch,
                self._ids,
                live is not None,
                None if live is None else live.heartbeat_timeout_millis,
                self._silent_millis,
                self._registered_in,
                self._is_group_gone,
                self._is_read_only,
                self._topics,
            )
        )


def _is_own(info: BrokerLiveInfo, owner: Connection | None) -> bool:
    """Whether a live entry was registered on this connection. Requests over HTTP have
    no owner, and nothing in common."""
    return owner is not None and info.owner is owner


def _is_held(
    tables: RouteTables, data: BrokerData, addr: str, owner: Connection | None
) -> bool:
    """Whether somebody else has registered this address of the group."""
    infos = [
        tables.broker_live_table.get(cluster, addr)
        for cluster in data.live_clusters_at(addr)
    ]
    return any(info is not None and not _is_own(info, owner) for info in infos)


def is_superseded(
    tables: RouteTables, header: BrokerRequestHeader, connection: Connection
) -> bool:
    """Whether another connection has registered this broker since this one did."""
    if header.cluster_name is None or header.broker_addr is None:
        return False
    key = header.cluster_name, header.broker_addr
    info = tables.broker_live_table.get(*key)
    return (
        info is not None
        and info.broker_name == header.broker_name
        and info.owner is not connection
        and connection.brokers.has_lost(key)
    )

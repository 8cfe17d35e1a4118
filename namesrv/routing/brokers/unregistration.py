"""UNREGISTER_BROKER, and the removal after an expiry or a closed connection.

Source: `RouteInfoManager#unRegisterBroker`, protocol.md section 3.4. Unlike Java's,
which queues, it is carried out before it is answered.
"""

import logging
from collections.abc import Sequence

from namesrv._impl import BrokerLiveInfo, Connection
from namesrv.codes import PERM_WRITE
from namesrv.options import Options
from namesrv.routing.brokers.min_broker_id import notify_min_broker_id_change
from namesrv.routing.outbox import Outbox
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.wire.headers import BrokerRequestHeader
from namesrv.work import Cost, Steps, batches


def unregister_broker(
    tables: RouteTables,
    options: Options,
    outbox: Outbox,
    header: BrokerRequestHeader,
    connection: Connection,
    now_ms: int,
) -> Steps[None]:
    """Remove the broker that a request on `connection` names.

    Until the last step some topics name a group that is gone, or are answered as
    before. Does nothing without cluster, name and address (Java's batch breaks off
    there). A registration of another connection under another cluster or name stays:
    the request is about something else (section 9, point 3).
    """
    cluster, addr, name = header.cluster_name, header.broker_addr, header.broker_name
    if cluster is None or addr is None or name is None:
        return
    with tables.busy.hold(name):
        yield from _remove_broker(
            tables, options, outbox, header, connection, (cluster, addr), name, now_ms
        )


def _remove_broker(
    tables: RouteTables,
    options: Options,
    outbox: Outbox,
    header: BrokerRequestHeader,
    connection: Connection,
    key: tuple[str, str],
    name: str,
    now_ms: int,
) -> Steps[None]:
    cluster, addr = key
    live = tables.broker_live_table.get(cluster, addr)
    is_meant = live is not None and live.broker_name == name
    if live is None or is_meant or live.owner is connection:
        tables.remove_live(cluster, addr)
        tables.set_filter_servers(key, None)
    tables.forget_digests((name,))
    data = tables.broker_addr_table.get(name)
    if data is None or header.broker_id is None:
        _log_removed(outbox, header, [], was_live=live is not None)
        return
    if is_meant or _is_held(tables, data, addr, connection):
        if (yield from _leave_to_others(tables, data, key, outbox)):
            return
    was_live = live is not None
    yield from _remove_from_group(
        tables, options, outbox, data, header, was_live, now_ms
    )


def _is_held(
    tables: RouteTables, data: BrokerData, addr: str, connection: Connection
) -> bool:
    """Whether another connection has registered this address of the group."""
    infos = [
        tables.broker_live_table.get(cluster, addr)
        for cluster in data.live_clusters_at(addr)
    ]
    return any(info is not None and info.owner is not connection for info in infos)


def _leave_to_others(
    tables: RouteTables, data: BrokerData, key: tuple[str, str], outbox: Outbox
) -> Steps[bool]:
    """Whether the address of a live entry that is gone stays, because it is live in
    another cluster: the broker has registered again there.

    The group then leaves the cluster in which nobody of it is live any more.
    """
    cluster, addr = key
    others = data.live_clusters_at(addr)
    if not others:
        return False
    other = min(others)
    outbox.info(
        "older registration of a broker gone, it is registered in another cluster",
        cluster=cluster,
        broker=data.broker_name,
        address=addr,
        registered_in=other,
    )
    if not data.lives_in(cluster):
        tables.leave_cluster(cluster, data.broker_name)
        if data.cluster == cluster:
            yield from tables.move_group(data, other)
    return True


def _remove_from_group(
    tables: RouteTables,
    options: Options,
    outbox: Outbox,
    data: BrokerData,
    header: BrokerRequestHeader,
    was_live: bool,
    now_ms: int,
) -> Steps[None]:
    """Take the address of `header` out of its group, and what follows from that."""
    cluster, addr = header.cluster_name or "", header.broker_addr or ""
    was_lowest = header.broker_id == data.min_broker_id
    removed_ids = data.broker_addrs.ids_of(addr)
    for broker_id in removed_ids:
        tables.drop_addr(data, broker_id)
    _log_removed(outbox, header, removed_ids, was_live=was_live)
    if not data.broker_addrs:
        tables.leave_cluster(cluster, data.broker_name)
        yield from tables.remove_group(data.broker_name, now_ms)
        return
    if removed_ids:
        yield from tables.group_changed(data)
    if not data.enable_acting_master:
        return
    if data.lacks_master and not data.is_read_only:
        yield from _take_write_permission(tables, data)
    if was_lowest and options.notify_min_broker_id_changed:
        notify_min_broker_id_change(data, addr, None, outbox)


def _log_removed(
    outbox: Outbox, header: BrokerRequestHeader, ids: Sequence[int], *, was_live: bool
) -> None:
    """Nothing is said where nothing was removed."""
    if ids or was_live:
        outbox.broker_changed(
            logging.INFO,
            "broker unregistered",
            cluster=header.cluster_name,
            broker=header.broker_name,
            address=header.broker_addr,
            ids=",".join(map(str, ids)),
            was_live=was_live,
        )


def _take_write_permission(tables: RouteTables, data: BrokerData) -> Steps[None]:
    """Without a master nobody can write to an acting group."""
    for some in batches(data.topics(), 2 * Cost.TOPIC):
        changed = data.queues_with_perm(some, lambda perm: perm & ~PERM_WRITE)
        tables.set_queues(data, changed)
        yield len(some) * 2 * Cost.TOPIC
    data.is_read_only = True


def unregister_live_broker(
    tables: RouteTables,
    options: Options,
    outbox: Outbox,
    info: BrokerLiveInfo,
    now_ms: int,
) -> Steps[None]:
    """Remove a broker that expired or lost its connection.

    Its address stays in the group while another live entry has it. Source:
    `RouteInfoManager#onChannelDestroy`, protocol.md sections 3.5 and 3.6.
    """
    with tables.busy.hold(info.broker_name):
        yield from _remove_live_broker(tables, options, outbox, info, now_ms)
        yield Cost.REMOVAL


def _remove_live_broker(
    tables: RouteTables,
    options: Options,
    outbox: Outbox,
    info: BrokerLiveInfo,
    now_ms: int,
) -> Steps[None]:
    tables.remove_live(*info.key)
    tables.set_filter_servers(info.key, None)
    data = tables.broker_addr_table.get(info.broker_name)
    if data is None or (yield from _leave_to_others(tables, data, info.key, outbox)):
        return
    addr = info.broker_addr
    ids = data.broker_addrs.ids_of(addr)
    if not ids:
        # Java would keep such an entry forever (trap 23).
        return
    header = BrokerRequestHeader(info.broker_name, addr, info.cluster_name, min(ids))
    yield from _remove_from_group(tables, options, outbox, data, header, True, now_ms)


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

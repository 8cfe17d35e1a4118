"""UNREGISTER_BROKER, and the removal after an expiry or a closed connection.

Source: `RouteInfoManager#unRegisterBroker`, protocol.md section 3.4. Unlike Java's,
which queues, it is carried out before it is answered.
"""

import logging

from namesrv._impl import BrokerLiveInfo, Connection
from namesrv.codes import PERM_WRITE
from namesrv.options import Options
from namesrv.routing.broker_data import BrokerData
from namesrv.routing.min_broker_id import notify_min_broker_id_change
from namesrv.routing.outbox import Outbox
from namesrv.routing.tables import RouteTables
from namesrv.wire.headers import BrokerRequestHeader


def unregister_broker(
    tables: RouteTables,
    options: Options,
    outbox: Outbox,
    header: BrokerRequestHeader,
    now_ms: int,
) -> None:
    """Remove a broker by its address from its group, and what follows from that.

    Does nothing without cluster, name and address (Java's batch breaks off there).
    """
    cluster, addr, name = header.cluster_name, header.broker_addr, header.broker_name
    if cluster is None or addr is None or name is None:
        return
    was_live = tables.remove_live(cluster, addr) is not None
    tables.set_filter_servers((cluster, addr), None)
    tables.forget_digests((name,))
    data = tables.broker_addr_table.get(name)
    if data is None or header.broker_id is None:
        _log_removed(outbox, header, [], was_live=was_live)
        return
    was_lowest = header.broker_id == data.min_broker_id
    removed_ids = _remove_addr(data, addr)
    _log_removed(outbox, header, removed_ids, was_live=was_live)
    if not data.broker_addrs:
        tables.remove_group(name, now_ms)
        tables.leave_cluster(cluster, name)
        return
    if removed_ids:
        tables.group_changed(data)
    if not data.enable_acting_master:
        return
    if data.lacks_master:
        _take_write_permission(tables, data)
    if was_lowest and options.notify_min_broker_id_changed:
        notify_min_broker_id_change(data, addr, None, outbox)


def _log_removed(
    outbox: Outbox, header: BrokerRequestHeader, ids: list[int], *, was_live: bool
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


def _remove_addr(data: BrokerData, addr: str) -> list[int]:
    """Every id of the group that has this address is gone; which ids."""
    ids = [key for key, known in data.broker_addrs.items() if known == addr]
    for key in ids:
        del data.broker_addrs[key]
    return ids


def _take_write_permission(tables: RouteTables, data: BrokerData) -> None:
    """Without a master nobody can write to an acting group."""
    tables.set_queues(data, data.queues_with_perm(lambda perm: perm & ~PERM_WRITE))


def unregister_live_broker(
    tables: RouteTables,
    options: Options,
    outbox: Outbox,
    info: BrokerLiveInfo,
    now_ms: int,
) -> None:
    """Remove a broker that expired or lost its connection.

    Source: `RouteInfoManager#onChannelDestroy`, protocol.md sections 3.5 and 3.6.
    """
    data = tables.broker_addr_table.get(info.broker_name)
    addrs = data.broker_addrs if data is not None else {}
    ids = [key for key, addr in addrs.items() if addr == info.broker_addr]
    if not ids:
        # Java would keep such an entry forever (trap 23).
        tables.remove_live(*info.key)
        tables.set_filter_servers(info.key, None)
        return
    header = BrokerRequestHeader(
        info.broker_name, info.broker_addr, info.cluster_name, min(ids)
    )
    unregister_broker(tables, options, outbox, header, now_ms)


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
        and key in connection.registered
        and info.owner is not connection
    )

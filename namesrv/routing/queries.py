"""Reading the tables: routes, clusters and lists of topics.

Order is by name wherever Java's order is that of a hash table.
Source: `RouteInfoManager`, protocol.md sections 2.7 to 2.17, 3.11 and 3.13.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter

from namesrv.codes import MASTER_ID, PERM_WRITE, SYNC_BROKER_MEMBER_PREFIX
from namesrv.options import Options
from namesrv.routing.broker_data import BrokerData, TopicQueues
from namesrv.routing.tables import RouteTables
from namesrv.wire.bodies import (
    with_defaults,
    write_broker_member_group,
    write_cluster_info,
    write_filter_server_list,
    write_mapping_info,
    write_route,
    write_topic_list,
)


@dataclass(slots=True, frozen=True)
class RouteForm:
    """How a route is to be answered: the dialect, the zone that the client is in
    (None: all zones), and the topic's order configuration."""

    standard: bool
    zone_name: str | None = None
    order_topic_conf: str | None = None


def pickup_topic_route_data(
    tables: RouteTables, options: Options, entry: TopicQueues, form: RouteForm
) -> bytes:
    """TopicRouteData of a topic as JSON.

    Source: `RouteInfoManager#pickupTopicRouteData`, `ZoneRouteRPCHook`.
    """
    acting = options.support_acting_master and not entry.topic.startswith(
        SYNC_BROKER_MEMBER_PREFIX
    )
    groups = []
    for name in sorted(entry.queues):
        data = tables.broker_addr_table[name]
        addrs = _acting_addrs(data, entry) if acting else data.broker_addrs
        if form.zone_name is None or _is_in_zone(data, addrs, form.zone_name):
            groups.append((data, addrs))
    return write_route(
        (_broker_text(data, addrs, form.standard) for data, addrs in groups),
        _filter_servers(tables, [data for data, _ in groups]),
        form.order_topic_conf,
        (data.queue_text(entry.queues[data.broker_name]) for data, _ in groups),
        _mappings(tables, entry.topic, form),
    )


def _acting_addrs(data: BrokerData, entry: TopicQueues) -> dict[int, str | None]:
    """Without a master, the lowest id of an acting group stands for it (3.11)."""
    addrs = data.broker_addrs
    if not (data.lacks_master and data.enable_acting_master):
        return addrs
    if entry.queues[data.broker_name].perm & PERM_WRITE:
        return addrs
    lowest = min(addrs)
    others = {key: addr for key, addr in addrs.items() if key != lowest}
    return {MASTER_ID: addrs[lowest], **others}


def _is_in_zone(data: BrokerData, addrs: dict[int, str | None], zone_name: str) -> bool:
    if MASTER_ID not in addrs:
        return True
    own = data.zone_name
    return own is not None and own.lower() == zone_name.lower()


def _broker_text(data: BrokerData, addrs: dict[int, str | None], standard: bool) -> str:
    if addrs is data.broker_addrs:
        return data.text(standard=standard)
    return data.text_with(addrs, standard=standard)


def _filter_servers(
    tables: RouteTables, groups: Iterable[BrokerData]
) -> Iterator[tuple[str, str]]:
    table = tables.filter_server_table
    if not table:
        return
    for data in groups:
        for addr in data.broker_addrs.values():
            servers = table.get((data.cluster, addr)) if addr is not None else None
            if addr is not None and servers is not None:
                yield addr, write_filter_server_list(servers)


def _mappings(
    tables: RouteTables, topic: str, form: RouteForm
) -> list[tuple[str, str]] | None:
    """Mappings by group, a null name as Java's writer writes it.

    Java reads a zone's route again before it writes it, which gives absent members
    their defaults.
    """
    mappings = tables.topic_queue_mapping_info_table.get(topic)
    if mappings is None:
        return None
    named = [(_key(name), mappings[name]) for name in mappings]
    named.sort(key=itemgetter(0))
    if form.zone_name is not None:
        named = [(name, with_defaults(info)) for name, info in named]
    return [
        (name, write_mapping_info(info, quoted=form.standard)) for name, info in named
    ]


def _key(name: str | None) -> str:
    return "null" if name is None else name


def get_broker_cluster_info(tables: RouteTables) -> bytes:
    """ClusterInfo, always in the legacy dialect (section 2.8)."""
    return write_cluster_info(
        (
            (name, tables.broker_addr_table[name].text(standard=False))
            for name in sorted(tables.broker_addr_table)
        ),
        (
            (cluster, _by_name(tables.cluster_addr_table[cluster]))
            for cluster in sorted(tables.cluster_addr_table)
        ),
    )


def get_all_topic_list(tables: RouteTables) -> bytes:
    """Every topic (section 2.11)."""
    return write_topic_list(sorted(tables.topic_queue_table))


def get_topics_by_cluster(tables: RouteTables, cluster: str | None) -> bytes:
    """Topics with an entry of any broker of the cluster (section 2.14)."""
    names = tables.cluster_addr_table.get(cluster or "", set())
    return write_topic_list(
        topic
        for topic in sorted(tables.topic_queue_table)
        if not names.isdisjoint(tables.topic_queue_table[topic].queues)
    )


def get_system_topic_list(tables: RouteTables) -> bytes:
    """Cluster names, broker names, and the first address by name (section 2.15)."""
    names: set[str | None] = set(tables.cluster_addr_table)
    for broker_names in tables.cluster_addr_table.values():
        names |= broker_names
    names.discard(None)
    return write_topic_list(_by_name(names), _first_addr(tables))


def _first_addr(tables: RouteTables) -> str | None:
    for name in sorted(tables.broker_addr_table):
        addrs = tables.broker_addr_table[name].broker_addrs
        if addrs:
            return addrs[min(addrs)]
    return None


def get_topics_by_flag(tables: RouteTables, accept: Callable[[int], bool]) -> bytes:
    """Topics whose first entry's topicSysFlag is accepted (section 2.16)."""
    return write_topic_list(
        topic
        for topic in sorted(tables.topic_queue_table)
        if accept(_first_flag(tables.topic_queue_table[topic]))
    )


def _first_flag(entry: TopicQueues) -> int:
    return entry.queues[min(entry.queues)].topic_sys_flag


def get_broker_member_group(
    tables: RouteTables, cluster: str | None, broker_name: str | None
) -> bytes:
    """Addresses of a group; the cluster is echoed, not compared (section 2.17)."""
    data = tables.broker_addr_table.get(broker_name or "")
    addrs = data.broker_addrs if data is not None and broker_name is not None else {}
    known = {key: addr for key, addr in addrs.items() if addr is not None}
    return write_broker_member_group(cluster, broker_name, known)


def _by_name(names: Iterable[str | None]) -> list[str | None]:
    return sorted(names, key=lambda name: name or "")

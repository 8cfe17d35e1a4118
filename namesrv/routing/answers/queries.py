"""Reading the tables: routes, clusters and groups; lists of topics are `topic_lists`.

Order is by name wherever Java's order is that of a hash table.
Source: `RouteInfoManager`, protocol.md sections 2.7 to 2.17, 3.11 and 3.13.
"""

from collections.abc import Iterator

from msgspec import Struct

from namesrv._impl import TopicQueues
from namesrv.codes import MASTER_ID, PERM_WRITE, SYNC_BROKER_MEMBER_PREFIX
from namesrv.options import Options
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.wire.bodies import (
    QueueData,
    TopicQueueMappingInfo,
    with_defaults,
    write_broker_addrs,
    write_broker_member_group,
    write_cluster_info,
    write_filter_server_list,
    write_map_key,
    write_mapping_info,
    write_route,
    write_topic_list,
)
from namesrv.work import WAIT, Cost, Steps, batches, finish


class RouteForm(Struct, frozen=True):
    """How a route is to be answered: `standard` if the client reads the standard
    dialect, the zone that it is in (None: all zones), and the topic's order
    configuration."""

    standard: bool
    zone_name: str | None = None
    order_topic_conf: str | None = None

    @property
    def quotes_numbers(self) -> bool:
        """A zone's route is written in the legacy dialect for all clients (3.13)."""
        return self.standard and self.zone_name is None


def route_options(options: Options) -> tuple[bool, ...]:
    """The options on which routes depend: with others all answers are out of date."""
    return (
        options.cluster_test,
        options.order_message_enable,
        options.support_acting_master,
    )


def pickup_topic_route_data(
    tables: RouteTables, options: Options, entry: TopicQueues, form: RouteForm
) -> Steps[bytes]:
    """TopicRouteData of a topic as JSON.

    Each group is read in one step, when no registration of it is being applied (P2);
    the caller has checked that for the first step. Source:
    `RouteInfoManager#pickupTopicRouteData`, `ZoneRouteRPCHook`.
    """
    acting = options.support_acting_master and not entry.topic.startswith(
        SYNC_BROKER_MEMBER_PREFIX
    )
    quotes_numbers = form.quotes_numbers
    broker_datas: list[str] = []
    queue_datas: list[str] = []
    # Two groups may have the same address; the later one counts, as in Java.
    filter_servers: dict[str, list[str | None] | None] = {}
    mappings: dict[str | None, TopicQueueMappingInfo] = {}
    ordered = sorted(entry.queues)
    is_first = True
    for names in batches(ordered, Cost.GROUP):
        while not is_first and tables.busy.hides(names):
            yield WAIT
        is_first = False
        known = tables.topic_queue_mapping_info_table.get(entry.topic, {})
        for name in names:
            if name in known:
                mappings[name] = known[name]
            data = tables.broker_addr_table.get(name)
            queue_data = entry.queues.get(name)
            if data is None or queue_data is None:
                continue  # the rest of its topics goes in the next turns
            acts = acting and _acts(data, queue_data)
            if form.zone_name is None or _is_in_zone(data, acts, form.zone_name):
                broker_datas.append(_broker_text(data, acts, quotes_numbers))
                queue_datas.append(data.queue_text(queue_data))
                if tables.filter_server_table:
                    filter_servers.update(_filter_servers_of(tables, data))
        yield len(names) * Cost.GROUP
    return write_route(
        broker_datas,
        _written(filter_servers),
        form.order_topic_conf,
        queue_datas,
        _mappings(tables, entry, mappings, form),
    )


def _acts(data: BrokerData, queue_data: QueueData) -> bool:
    """Without a master, the lowest id of an acting group stands for it (3.11), also
    if it is negative; topics lose their write permission only if it is not (3.4)."""
    if not data.broker_addrs or MASTER_ID in data.broker_addrs:
        return False
    if not data.enable_acting_master:
        return False
    return not queue_data.perm & PERM_WRITE


def _is_in_zone(data: BrokerData, acts: bool, zone_name: str) -> bool:
    if not acts and MASTER_ID not in data.broker_addrs:
        return True
    own = data.zone_name
    return own is not None and own.lower() == zone_name.lower()


def _broker_text(data: BrokerData, acts: bool, standard: bool) -> str:
    if acts:
        return data.acting_text(standard=standard)
    return data.text(standard=standard)


def _filter_servers_of(
    tables: RouteTables, data: BrokerData
) -> Iterator[tuple[str, list[str | None] | None]]:
    """Filter servers of a group by address, None for an address without any."""
    table = tables.filter_server_table
    for addr in data.broker_addrs.values():
        if addr is not None:
            yield addr, table.get((data.cluster, addr))


def _written(
    filter_servers: dict[str, list[str | None] | None],
) -> Iterator[tuple[str, str]]:
    for addr in sorted(filter_servers):
        servers = filter_servers[addr]
        if servers is not None:
            yield addr, write_filter_server_list(servers)


def _mappings(
    tables: RouteTables,
    entry: TopicQueues,
    of_groups: dict[str | None, TopicQueueMappingInfo],
    form: RouteForm,
) -> list[tuple[str, str]] | None:
    """JSON of each mapping by the JSON of its group's name.

    `of_groups` are those of the topic's groups, as they were when each was read (P2).

    Java writes a zone's route in the client's dialect, reads it and writes it again:
    absent members get their defaults, and a null name is a text if it was one first.
    """
    known = tables.topic_queue_mapping_info_table.get(entry.topic)
    if known is None and not of_groups:
        return None
    others = {n: known[n] for n in known if n not in entry.queues} if known else {}
    mappings = {**others, **of_groups}
    if known and not mappings:
        return None  # the first ones came after their groups were read
    infos = [mappings[name] for name in sorted(mappings, key=lambda n: n or "null")]
    if form.zone_name is not None:
        infos = [with_defaults(info) for info in infos]
    return [
        (
            write_map_key(info.bname, quoted=form.standard),
            write_mapping_info(info, quoted=form.quotes_numbers),
        )
        for info in infos
    ]


def get_broker_cluster_info(tables: RouteTables) -> Steps[bytes]:
    """ClusterInfo, always in the legacy dialect (section 2.8)."""
    yield from tables.group_texts.parts()
    clusters = yield from tables.cluster_names.texts.parts()
    # Changes in between are written now, so that both are of one moment.
    return write_cluster_info(finish(tables.group_texts.parts()), clusters)


def get_system_topic_list(tables: RouteTables) -> Steps[bytes]:
    """Cluster names, broker names, and the first address by name (section 2.15)."""
    names = yield from tables.cluster_names.all_names.parts()
    return write_topic_list(names, tables.first_addr)


def get_broker_member_group(
    tables: RouteTables, cluster: str | None, broker_name: str | None
) -> bytes:
    """Addresses of a group; the cluster is echoed, not compared (section 2.17)."""
    data = tables.broker_addr_table.get(broker_name or "")
    if data is None or broker_name is None:
        addrs = write_broker_addrs((), quoted=False)
    else:
        addrs = data.addrs_text()
    return write_broker_member_group(cluster, broker_name, addrs)

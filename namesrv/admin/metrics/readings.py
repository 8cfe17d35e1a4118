"""The parts of a scrape that visit every broker or connection, taken in steps."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from heapq import nsmallest
from itertools import chain
from typing import Final, NamedTuple

from namesrv._impl import BrokerLiveInfo
from namesrv.hot_path import Pause
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.server.connections.registry import Connections
from namesrv.server.connections.served import Served
from namesrv.server.inside import Inside
from namesrv.work import Cost, Steps, batches

MOST_CLUSTERS: Final = 50
"""Clusters with numbers of their own, in the order of their names."""
OTHER_CLUSTERS: Final = "(others)"
"""The label of all other clusters together."""
MOST_BROKERS: Final = 1000
"""Brokers with a series of their own, in the order of clusters and addresses."""
_BROKER_UNITS: Final = 2
_CONNECTION_UNITS: Final = 2


class Heard(NamedTuple):
    """One live broker, and the time of its last sign of life."""

    cluster: str
    address: str
    broker: str
    heard_ms: int


class ConnectionKind(NamedTuple):
    """The values of the labels of connections.

    `protocol` is remoting, http, or unknown before the first bytes; `tls` is true or
    false. `state` is `closing`,
    `blocked` (the peer does not read), `waiting` (for a turn or for other work) or
    `open`.
    """

    protocol: str
    tls: str
    state: str


class Readings(NamedTuple):
    """`connections` are numbers by kind, `brokers` and `topics` numbers by cluster.

    `heard` has the brokers with a series of their own; `longest_ago_ms` is the time of
    the oldest last sign of life, None without brokers.
    """

    connections: Mapping[ConnectionKind, int]
    brokers: Mapping[str, int]
    topics: Mapping[str, int]
    heard: Sequence[Heard]
    longest_ago_ms: int | None


def read(inside: Inside) -> Steps[Readings]:
    """Visit all connections, brokers and clusters."""
    if inside.lanes is not None:
        inside.lanes.fold()
    kinds = yield from _connections(inside.connections)
    kinds += _in_lanes(inside)
    tables = inside.state.tables
    shown: list[str] = []
    for names in batches(list(tables.cluster_addr_table), Cost.GROUP):
        writable = filter(_is_writable, names)
        shown = nsmallest(MOST_CLUSTERS, chain(shown, writable))
        yield len(names) * Cost.GROUP
    topics = yield from _topics(inside, shown)
    brokers: Counter[str] = Counter(dict.fromkeys(shown, 0))
    heard: list[Heard] = []
    longest_ago_ms: int | None = None
    for some in batches(tables.broker_live_table.entries(), _BROKER_UNITS):
        brokers.update(_label(info.cluster_name, topics) for info in some)
        oldest_ms = min(info.last_update_timestamp for info in some)
        if longest_ago_ms is None or oldest_ms < longest_ago_ms:
            longest_ago_ms = oldest_ms
        if inside.options.metrics_per_broker:
            more = [_heard(info) for info in some if _has_series(info)]
            heard = sorted([*heard, *more])[:MOST_BROKERS]
        yield len(some) * _BROKER_UNITS
    return Readings(kinds, brokers, topics, heard, longest_ago_ms)


def _connections(connections: Connections) -> Steps[Counter[ConnectionKind]]:
    kinds: Counter[ConnectionKind] = Counter()
    for some in batches(connections.peers(), _CONNECTION_UNITS):
        kinds.update(_kind_of(connections, peer) for peer in some)
        yield len(some) * _CONNECTION_UNITS
    return kinds


def _in_lanes(inside: Inside) -> Counter[ConnectionKind]:
    """Connections of lanes, which are neither paused nor blocked there."""
    census = None if inside.lanes is None else inside.lanes.census()
    if census is None:
        return Counter()
    speaking = ConnectionKind("remoting", "false", "open")
    silent = ConnectionKind("unknown", "false", "open")
    numbers = {speaking: len(census) - census.silent, silent: census.silent}
    return +Counter(numbers)


def _kind_of(connections: Connections, peer: Served) -> ConnectionKind:
    state = "open"
    if peer.closing_since_ms is not None:
        state = "closing"
    elif connections.output_budget.holds(peer):
        state = "blocked"
    elif peer.connection.pause != Pause.NONE:
        state = "waiting"
    protocol = "http" if peer.is_http else "remoting" if peer.has_sent else "unknown"
    return ConnectionKind(protocol, "true" if peer.is_tls else "false", state)


def _label(cluster: str, shown: Mapping[str, int]) -> str:
    return cluster if cluster in shown else OTHER_CLUSTERS


def _is_writable(*texts: str) -> bool:
    """Whether names can be values of labels. A peer may use half of a surrogate pair,
    which UTF-8 cannot write; such a name has no series of its own."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return False
    return True


def _has_series(info: BrokerLiveInfo) -> bool:
    return _is_writable(info.cluster_name, info.broker_addr, info.broker_name)


def _heard(info: BrokerLiveInfo) -> Heard:
    cluster, address = info.key
    return Heard(cluster, address, info.broker_name, info.last_update_timestamp)


def _topics(inside: Inside, shown: Iterable[str]) -> Steps[dict[str, int]]:
    """Topics of each cluster; those of the others count once for each group, because
    any number of clusters may be there."""
    tables, lists = inside.state.tables, inside.state.topic_lists
    topics = {}
    for cluster in shown:
        topics[cluster] = yield from lists.size_of_cluster(cluster)
        yield int(Cost.GROUP)
    if len(tables.cluster_addr_table) > len(topics):
        others = yield from _entries_of_others(tables, topics)
        topics[OTHER_CLUSTERS] = topics.get(OTHER_CLUSTERS, 0) + others
    return topics


def _entries_of_others(tables: RouteTables, shown: Mapping[str, int]) -> Steps[int]:
    entries = 0
    for groups in batches(list(tables.broker_addr_table.values()), Cost.GROUP):
        entries += sum(
            len(data.topic_refs) for data in groups if data.cluster not in shown
        )
        yield len(groups) * Cost.GROUP
    return entries

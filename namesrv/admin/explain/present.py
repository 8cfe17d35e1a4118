"""Evidence from the tables as they are now: groups, names and the server."""

from collections.abc import Container, Iterable, Sequence
from heapq import nsmallest
from typing import Final

from namesrv._impl import BrokerLiveInfo, Connection, TopicQueues
from namesrv.admin.api.similar import similar_in
from namesrv.codes import PERM_WRITE
from namesrv.routing.history.explain.addresses import host_of
from namesrv.routing.history.explain.evidence import (
    Broker,
    Group,
    Names,
    Refused,
    Server,
)
from namesrv.routing.history.explain.spelling import (
    AUTO_CREATE_TOPIC,
    folded,
    may_fold_alike,
)
from namesrv.routing.history.peer_views import PeerState, PeerViews
from namesrv.routing.history.refusals import Refusal
from namesrv.routing.state import RoutingState
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.routing.tables.ordered_texts import OrderedTexts
from namesrv.routing.turns.phase import Phase
from namesrv.work import Cost, Steps, batches

_MOST_BROKERS: Final = 64
"""Brokers of a group that are examined."""
_MOST_BROKERS_IN_ALL: Final = 256
_MOST_CHARACTERS: Final = 1 << 16
"""Characters of names and addresses of all brokers of a topic that are examined."""
_MOST_CLUSTERS: Final = 16
_COMPARED: Final = (PeerState.AGREES, PeerState.SETTLING, PeerState.DISAGREES)
_MOST_VARIANTS: Final = 10
_BROKER_UNITS: Final = 16
_NAME_UNITS: Final = 1
_NAMES_OF_A_STEP: Final = 250


def server_of(state: RoutingState, kind: str, name: str, now_ms: int) -> Server:
    """The server and its options, and the name at its peers."""
    server, options = Server(), state.options
    server.brokers = len(state.tables.broker_live_table)
    server.clusters = nsmallest(_MOST_CLUSTERS, state.tables.cluster_addr_table)
    server.unconfirmed = len(state.liveness.leases)
    waited_millis = now_ms - state.started_ms
    server.is_testing = options.cluster_test
    server.is_gated = not options.cluster_test and not state.is_ready(now_ms)
    if server.is_gated:
        wait_millis = options.wait_seconds_for_service * 1000
        server.gate_millis = max(wait_millis - waited_millis, 1)
    server.is_draining = state.life.phase > Phase.SERVING
    server.started_millis_ago = waited_millis
    server.supports_acting = options.support_acting_master
    server.auto_creates = AUTO_CREATE_TOPIC in state.tables.topic_queue_table
    _add_peers(server, state.peer_views, kind, name)
    return server


def _add_peers(server: Server, peers: PeerViews, kind: str, name: str) -> None:
    server.orphan = peers.orphan
    server.has_peers = any(view.state != PeerState.ITSELF for view in peers.views)
    known = [view for view in peers.views if view.state in _COMPARED]
    if not known:
        return
    holders = peers.with_topic(name) if kind == "topic" else peers.with_broker(name)
    server.at_peers = [view.address for view in holders]
    server.differences = [
        (view.address, one.sentence)
        for view in known
        if view.state == PeerState.DISAGREES
        for one in view.differences
        if (one.subject, one.name) == (kind, name)
    ]


def groups_of_topic(
    state: RoutingState, entry: TopicQueues, names: Sequence[str], now_ms: int
) -> Steps[list[Group]]:
    """The first of some groups of a topic, with their queues of it: so many that they
    have 256 brokers in all, and names and addresses of 64 Ki characters."""
    groups: list[Group] = []
    brokers = characters = 0
    for name in names:
        data, queues = state.tables.broker_addr_table.get(name), entry.queues.get(name)
        if data is None or queues is None:
            continue
        group = _group(state, data, now_ms)
        group.perm = queues.perm
        group.read_queues = queues.read_queue_nums
        group.write_queues = queues.write_queue_nums
        brokers += len(group.brokers)
        characters += _characters(group)
        is_too_much = brokers > _MOST_BROKERS_IN_ALL or characters > _MOST_CHARACTERS
        if groups and is_too_much:
            break
        groups.append(group)
        _check_addresses(group)
        yield Cost.GROUP + len(group.brokers) * _BROKER_UNITS
    return groups


def group_alone(state: RoutingState, data: BrokerData, now_ms: int) -> Steps[Group]:
    """A group, and whether any topic of it may be written to."""
    group = _group(state, data, now_ms)
    _check_addresses(group)
    yield len(group.brokers) * _BROKER_UNITS
    group.is_wiped = yield from _is_wiped(data)
    return group


def group_of_address(state: RoutingState, address: str) -> Steps[BrokerData | None]:
    """The first group that has an address."""
    for some in batches(list(state.tables.broker_addr_table.values()), Cost.GROUP):
        for data in some:
            if data.broker_addrs.ids_of(address):
                return data
        yield len(some) * Cost.GROUP
    return None


def similar_topics(state: RoutingState, topic: str) -> Steps[Names | None]:
    """Names of topics like one; None if the list of topics may not be seen."""
    if not state.options.enable_all_topic_list:
        return None
    table = state.tables.topic_queue_table
    texts = yield from state.topic_lists.names()
    names = yield from _similar(topic, texts, list(table), table)
    if topic in state.tables.broker_addr_table:
        names.is_a = "broker group"
    elif topic in state.tables.cluster_addr_table:
        names.is_a = "cluster"
    return names


def similar_groups(state: RoutingState, name: str) -> Steps[Names]:
    """Names of broker groups like one."""
    tables = state.tables
    table = tables.broker_addr_table
    names = yield from _similar(name, tables.group_texts, list(table), table)
    if name in tables.cluster_addr_table:
        names.is_a = "cluster"
    elif name in tables.topic_queue_table:
        names.is_a = "topic"
    return names


def refused_of(refusals: Iterable[Refusal], wall_millis: int) -> list[Refused]:
    """The refused registrations, the last one first."""
    found = []
    for refusal in refusals:
        age = max(wall_millis - refusal.last_millis, 0)
        one = Refused(refusal.broker, refusal.address, refusal.remark, age)
        one.cluster, one.peer = refusal.cluster, refusal.peer
        one.count, one.topic = refusal.count, refusal.topic
        one.is_rejected = refusal.is_rejected
        found.append(one)
    return found


def _similar(
    name: str, texts: OrderedTexts, all_names: Sequence[str], known: Container[str]
) -> Steps[Names]:
    found = Names()
    wanted = folded(name)
    for start in range(0, len(all_names), _NAMES_OF_A_STEP):
        some = all_names[start : start + _NAMES_OF_A_STEP]
        found.variants += [
            one for one in some if may_fold_alike(one, wanted) and folded(one) == wanted
        ]
        yield len(some) * _NAME_UNITS
    found.variants = [one for one in found.variants if one != name][:_MOST_VARIANTS]
    near = yield from similar_in(name, texts, known)
    found.near = [one for one in near if one not in found.variants and one != name]
    return found


def _group(state: RoutingState, data: BrokerData, now_ms: int) -> Group:
    group = Group(data.broker_name, data.cluster)
    names = state.tables.cluster_names.clusters_of(data.broker_name)
    group.clusters = sorted({data.cluster, *names})[:_MOST_CLUSTERS]
    group.zone = data.zone_name
    group.is_acting = data.enable_acting_master
    group.topics = data.topic_count
    for broker_id in list(data.broker_addrs)[:_MOST_BROKERS]:
        addr = data.broker_addrs[broker_id]
        group.brokers.append(_broker(state, data, broker_id, addr or "", now_ms))
    return group


def _characters(group: Group) -> int:
    """Characters that the records of its brokers have."""
    shared = len(group.name) + len(group.cluster) + len(group.zone or "")
    return sum(shared + len(one.address) for one in group.brokers)


def _check_addresses(group: Group) -> None:
    """Check each address once, in the step of its group; the causes need it."""
    for broker in group.brokers:
        broker.check_address()


def _broker(
    state: RoutingState, data: BrokerData, broker_id: int, addr: str, now_ms: int
) -> Broker:
    broker = Broker(broker_id, addr)
    broker.clusters = sorted(data.live_clusters_at(addr))[:_MOST_CLUSTERS]
    infos = [
        state.tables.broker_live_table.get(cluster, addr) for cluster in broker.clusters
    ]
    live = [info for info in infos if info is not None]
    broker.is_live = bool(live)
    if live:
        _add_live(state, broker, max(live, key=lambda info: info.epoch), now_ms)
    return broker


def _add_live(
    state: RoutingState, broker: Broker, info: BrokerLiveInfo, now_ms: int
) -> None:
    """The last registration of a broker."""
    owner: object = info.owner
    broker.is_confirmed = not state.liveness.leases.is_unconfirmed(info)
    broker.timeout_millis = info.heartbeat_timeout_millis
    if broker.is_confirmed:
        broker.heard_millis_ago = max(now_ms - info.last_update_timestamp, 0)
    if isinstance(owner, Connection):
        broker.peer_host = host_of(owner.remote_address)


def _is_wiped(data: BrokerData) -> Steps[bool]:
    """Whether a group has topics, and write permission for none of them."""
    has_topics, name = False, data.broker_name
    for entries in batches(data.topic_refs, Cost.TOPIC):
        for entry in entries:
            queues = entry.queues.get(name)
            if queues is None:
                continue
            has_topics = True
            if queues.perm & PERM_WRITE:
                return False
        yield len(entries) * Cost.TOPIC
    return has_topics

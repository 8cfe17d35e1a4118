"""`/v1/brokers`: broker groups, their members, and their problems."""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import UNSET, UnsetType

from namesrv._impl import BrokerLiveInfo, Connection
from namesrv.admin.api.answers import respond
from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.api.pages import (
    Made,
    encoded,
    names_page,
    next_link,
)
from namesrv.admin.api.resources.broker_records import (
    Brokers,
    BrokersParameters,
    Group,
    GroupParameters,
    GroupProblem,
    GroupSummary,
    LiveBroker,
    Member,
    NameParameter,
    PermissionChange,
    TableVersion,
)
from namesrv.admin.api.resources.clusters import no_cluster
from namesrv.admin.api.results import translation
from namesrv.admin.api.similar import similar_in
from namesrv.admin.http.messages import Access, Asked, Handled, HttpAnswer
from namesrv.codes import MASTER_ID, PERM_WRITE, RequestCode
from namesrv.errors import HttpRefused
from namesrv.routing.state import RoutingState
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.routing.tables.ordered_texts import OrderedTexts
from namesrv.wire.bodies import DataVersion
from namesrv.wire.command import RemotingCommand
from namesrv.work import Cost, Steps, batches

_MOST_CLUSTERS: Final = 16
_GROUP_UNITS: Final = 15
_BROKER_UNITS: Final = 3
_MEMBER_UNITS: Final = 10


def get_brokers(call: Call) -> Steps[HttpAnswer]:
    """A page of broker groups."""
    state, parameters, now_ms = call.inside.state, call.parameters, call.now_ms
    table = state.tables.broker_addr_table
    texts = yield from _wanted_names(call)

    def make(name: str) -> Made:
        data = table.get(name)
        if data is None:
            return None
        return _summary(state, data, parameters.problem, now_ms)

    found = yield from names_page(texts, parameters, make, _GROUP_UNITS)
    page = Brokers(found.items, len(table), next_link(parameters, found.after))
    return respond(call.request, page)


def _wanted_names(call: Call) -> Steps[OrderedTexts]:
    """Names of all groups, or of those of a cluster. Raises HttpRefused (404) for an
    unknown cluster, with similar ones."""
    tables, cluster = call.inside.state.tables, call.parameters.cluster
    if cluster is UNSET:
        return tables.group_texts
    texts = tables.cluster_names.names_in(cluster)
    if texts is not None:
        return texts
    return (yield from no_cluster(tables, cluster))


def _summary(
    state: RoutingState, data: BrokerData, wanted: Any, now_ms: int
) -> Steps[GroupSummary | None]:
    """The item of a group, None if it has not the problem that is wanted."""
    problems = yield from problems_of_group(state, data, now_ms)
    silent_millis, timeout_millis = yield from _longest_silence(state, data, now_ms)
    if wanted is not UNSET and wanted not in (*problems, *(["any"] * bool(problems))):
        return None
    return GroupSummary(
        broker_name=data.broker_name,
        cluster=data.cluster,
        brokers=len(data.broker_addrs),
        live_brokers=len(data.live_keys),
        topics=data.topic_count,
        master_addr=data.broker_addrs.get(MASTER_ID),
        last_heard_millis_ago=silent_millis,
        heartbeat_timeout_millis=timeout_millis,
        problems=problems,
        link=f"brokers/{encoded(data.broker_name)}",
    )


def problems_of_group(
    state: RoutingState, data: BrokerData, now_ms: int
) -> Steps[list[GroupProblem]]:
    """The problems of a group, by name."""
    found: set[GroupProblem] = set()
    if not data.has_master:
        found.add("no_master")
    if (yield from _is_read_only(data)):
        found.add("read_only")
    for addrs in batches(list(data.broker_addrs.values()), _BROKER_UNITS):
        if not all(addr and data.live_clusters_at(addr) for addr in addrs):
            found.add("not_live")
        yield len(addrs) * _BROKER_UNITS
    for keys in batches(list(data.live_keys), _BROKER_UNITS):
        for key in keys:
            info = state.tables.broker_live_table.get(*key)
            if info is None:
                continue
            if state.liveness.leases.is_unconfirmed(info):
                found.add("unconfirmed")
            elif _is_silent(info, now_ms):
                found.add("silent")
        yield len(keys) * _BROKER_UNITS
    return sorted(found)


def _longest_silence(
    state: RoutingState, data: BrokerData, now_ms: int
) -> Steps[tuple[int | None, int | None]]:
    """How long ago the broker of a group was heard from that has used up most of its
    timeout, and that timeout; None without a live broker that was heard from."""
    longest: tuple[float, int, int] | None = None
    for keys in batches(list(data.live_keys), _BROKER_UNITS):
        for key in keys:
            info = state.tables.broker_live_table.get(*key)
            if info is None or state.liveness.leases.is_unconfirmed(info):
                continue
            silent_millis = max(now_ms - info.last_update_timestamp, 0)
            timeout_millis = max(info.heartbeat_timeout_millis, 1)
            found = silent_millis / timeout_millis, silent_millis, timeout_millis
            longest = found if longest is None else max(longest, found)
        yield len(keys) * _BROKER_UNITS
    return (None, None) if longest is None else longest[1:]


def _is_read_only(data: BrokerData) -> Steps[bool]:
    """Whether a group has topics, and write permission for none of them. The first
    writable topic ends the search."""
    has_topics, name = False, data.broker_name
    for entries in batches(data.topic_refs, Cost.TOPIC):
        for place, entry in enumerate(entries, 1):
            queue_data = entry.queues.get(name)
            if queue_data is None:
                continue
            has_topics = True
            if queue_data.perm & PERM_WRITE:
                yield place
                return False
        yield len(entries) * Cost.TOPIC
    return has_topics


def _is_silent(info: BrokerLiveInfo, now_ms: int) -> bool:
    silent_millis = now_ms - info.last_update_timestamp
    return silent_millis * 2 > info.heartbeat_timeout_millis


def get_broker(call: Call) -> Steps[HttpAnswer]:
    """One broker group."""
    state, parameters = call.inside.state, call.parameters
    data = state.tables.broker_addr_table.get(parameters.name)
    if data is None:
        return (yield from no_group(state, parameters.name))
    problems = yield from problems_of_group(state, data, call.now_ms)
    members, after = yield from _members(call, data)
    group = Group(
        broker_name=data.broker_name,
        cluster=data.cluster,
        zone_name=data.zone_name,
        enable_acting_master=data.enable_acting_master,
        topics=data.topic_count,
        problems=problems,
        brokers=members,
        next=next_link(parameters, after),
    )
    return respond(call.request, group)


def _members(
    call: Call, data: BrokerData
) -> Steps[tuple[list[Member], str | UnsetType]]:
    """A page of the brokers of a group, and the cursor of the next one."""
    state, parameters = call.inside.state, call.parameters
    after, limit = parameters.after, parameters.limit
    ids = list(data.broker_addrs)
    yield len(ids) * Cost.GROUP
    rest = [number for number in ids if after is UNSET or number > after]
    members: list[Member] = []
    for numbers in batches(rest[:limit], _MEMBER_UNITS):
        members += [
            _member(state, data, number, call.now_ms)
            for number in numbers
            if number in data.broker_addrs
        ]
        yield len(numbers) * _MEMBER_UNITS
    return members, str(rest[limit - 1]) if len(rest) > limit else UNSET


def no_group(state: RoutingState, name: str) -> Steps[HttpAnswer]:
    """Raise HttpRefused (404) for an unknown broker group, with similar ones."""
    tables = state.tables
    near = yield from similar_in(name, tables.group_texts, tables.broker_addr_table)
    raise HttpRefused(404, f"there is no broker group {name[:100]!r}", similar=near)


def _member(state: RoutingState, data: BrokerData, number: int, now_ms: int) -> Member:
    addr = data.broker_addrs[number]
    live = [_live(state, info, now_ms) for info in _infos(state, data, addr)]
    return Member(number, addr, live)


def _infos(
    state: RoutingState, data: BrokerData, addr: str | None
) -> Iterator[BrokerLiveInfo]:
    """Live registrations of an address of a group, in at most 16 clusters."""
    for cluster in sorted(data.live_clusters_at(addr or ""))[:_MOST_CLUSTERS]:
        info = state.tables.broker_live_table.get(cluster, addr or "")
        if info is not None:
            yield info


def _live(state: RoutingState, info: BrokerLiveInfo, now_ms: int) -> LiveBroker:
    version = info.data_version
    owner: object = info.owner
    is_confirmed = not state.liveness.leases.is_unconfirmed(info)
    millis = max(now_ms - info.last_update_timestamp, 0)
    return LiveBroker(
        cluster=info.cluster_name,
        epoch=info.epoch,
        is_confirmed=is_confirmed,
        heartbeat_timeout_millis=info.heartbeat_timeout_millis,
        data_version=None if version is None else _version(version),
        ha_server_addr=info.ha_server_addr,
        remote_address=owner.remote_address if isinstance(owner, Connection) else None,
        last_heard_millis_ago=millis if is_confirmed else UNSET,
    )


def _version(version: DataVersion) -> TableVersion:
    return TableVersion(version.counter, version.state_version, version.timestamp)


def wipe_write_perm(call: Call) -> Handled:
    """Make a group read-only, as 205 does."""
    return _change(call, RequestCode.WIPE_WRITE_PERM_OF_BROKER, "wipeTopicCount")


def add_write_perm(call: Call) -> Handled:
    """Make a group writable again, as 327 does."""
    return _change(call, RequestCode.ADD_WRITE_PERM_OF_BROKER, "addTopicCount")


def _change(call: Call, code: RequestCode, count: str) -> Handled:
    state, name = call.inside.state, call.parameters.name
    if name not in state.tables.broker_addr_table:
        return no_group(state, name)

    def succeed(answer: RemotingCommand) -> HttpAnswer:
        topics = int((answer.ext_fields or {}).get(count) or 0)
        return respond(call.request, PermissionChange(topics))

    command = RemotingCommand(code, ext_fields={"brokerName": name})
    return Asked(command, translation(succeed))


_PERMISSION: Final = "/v1/brokers/{name}/write_perm"
ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/brokers",
        "Broker groups by name",
        get_brokers,
        parameters=BrokersParameters,
        answer=Brokers,
        errors=(404,),
    ),
    Endpoint(
        "GET",
        "/v1/brokers/{name}",
        "One broker group and its brokers",
        get_broker,
        parameters=GroupParameters,
        answer=Group,
        errors=(404,),
    ),
    Endpoint(
        "DELETE",
        _PERMISSION,
        "Wipe the write permission of a broker group",
        wipe_write_perm,
        access=Access.WRITE,
        parameters=NameParameter,
        answer=PermissionChange,
        errors=(404, 503),
    ),
    Endpoint(
        "PUT",
        _PERMISSION,
        "Add the write permission of a broker group",
        add_write_perm,
        access=Access.WRITE,
        parameters=NameParameter,
        answer=PermissionChange,
        errors=(404, 503),
    ),
)

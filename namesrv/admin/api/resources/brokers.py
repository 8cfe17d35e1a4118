"""`/v1/brokers`: broker groups, their members, and their problems."""

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from namesrv._impl import BrokerLiveInfo, Connection
from namesrv.admin.api.answers import respond
from namesrv.admin.api.endpoint import MOST_ITEMS, Call, Endpoint
from namesrv.admin.api.pages import (
    Made,
    NamedPageParameters,
    Next,
    encoded,
    names_page,
    next_link,
)
from namesrv.admin.api.results import translation
from namesrv.admin.api.similar import similar_in
from namesrv.admin.http.messages import Access, Asked, Handled, HttpAnswer
from namesrv.codes import MASTER_ID, PERM_WRITE, RequestCode
from namesrv.errors import HttpRefused
from namesrv.routing.state import RoutingState
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.wire.bodies import DataVersion
from namesrv.wire.command import RemotingCommand
from namesrv.work import Cost, Steps, batches

GroupProblem = Literal["no_master", "not_live", "silent", "unconfirmed", "read_only"]
Problems = Annotated[
    list[GroupProblem],
    Meta(
        description="`no_master`: no broker has id 0; `not_live`: an address is not"
        " registered any more; `silent`: a broker was not heard from for half of its"
        " timeout; `unconfirmed`: a broker was not heard from since the start;"
        " `read_only`: it has topics and none of them takes messages"
    ),
]
_MOST_CLUSTERS: Final = 16
_GROUP_UNITS: Final = 15
_BROKER_UNITS: Final = 3


class BrokersParameters(NamedPageParameters, kw_only=True):
    """Which broker groups are wanted."""

    cluster: Annotated[
        str | UnsetType, Meta(description="only groups of this cluster")
    ] = UNSET
    problem: Annotated[
        Literal["any"] | GroupProblem | UnsetType,
        Meta(description="only groups with this problem, or with `any`"),
    ] = UNSET


class GroupSummary(Struct):
    """One broker group of a list."""

    broker_name: Annotated[str, Meta(description="its name")]
    cluster: Annotated[str, Meta(description="the cluster that its routes show")]
    brokers: Annotated[int, Meta(description="its brokers, by id")]
    live_brokers: Annotated[int, Meta(description="live registrations of them")]
    topics: Annotated[int, Meta(description="topics that have queues on it")]
    master_addr: Annotated[
        str | None, Meta(description="host:port of the broker with id 0, or null")
    ]
    problems: Problems
    link: Annotated[str, Meta(description="the group, relative to this page")]


class Brokers(Struct):
    """A page of broker groups, by name."""

    items: Annotated[list[GroupSummary], Meta(description="the groups")]
    total: Annotated[int, Meta(description="groups of the server, without any filter")]
    next: Next = UNSET


class GroupParameters(Struct, forbid_unknown_fields=True, kw_only=True):
    """One broker group, and which of its brokers."""

    name: Annotated[str, Meta(description="name of the group")]
    limit: Annotated[
        int, Meta(ge=1, le=MOST_ITEMS, description="most brokers of the page")
    ] = 100
    after: Annotated[
        int | UnsetType, Meta(description="cursor: begin after this broker id")
    ] = UNSET


class NameParameter(Struct, forbid_unknown_fields=True, kw_only=True):
    """One broker group."""

    name: Annotated[str, Meta(description="name of the group")]


class TableVersion(Struct):
    """DataVersion of a broker's topic table."""

    counter: Annotated[int, Meta(description="changes of the table")]
    state_version: Annotated[int, Meta(description="term of the master")]
    timestamp_millis: Annotated[
        int | None, Meta(description="date of the last change, since 1970")
    ]


class LiveBroker(Struct):
    """The live registration of a broker."""

    cluster: Annotated[str, Meta(description="the cluster that it registered in")]
    epoch: Annotated[
        int, Meta(description="number of the registration in this process")
    ]
    is_confirmed: Annotated[
        bool, Meta(description="whether it was heard from since the start")
    ]
    heartbeat_timeout_millis: Annotated[
        int, Meta(description="silence after which it is removed")
    ]
    data_version: Annotated[
        TableVersion | None, Meta(description="version of its topic table")
    ]
    ha_server_addr: Annotated[
        str | None, Meta(description="host:port that its slaves copy from")
    ]
    remote_address: Annotated[
        str | None,
        Meta(description="peer of the connection that carries it, null for none"),
    ]
    last_heard_millis_ago: Annotated[
        int | UnsetType,
        Meta(description="time since its last sign of life; none: unconfirmed"),
    ] = UNSET


class Member(Struct):
    """One broker of a group."""

    broker_id: Annotated[int, Meta(description="0 is the master")]
    broker_addr: Annotated[str | None, Meta(description="host:port")]
    live: Annotated[
        list[LiveBroker],
        Meta(description="live registrations of the address, one for each cluster"),
    ]


class Group(Struct):
    """One broker group."""

    broker_name: Annotated[str, Meta(description="its name")]
    cluster: Annotated[str, Meta(description="the cluster that its routes show")]
    zone_name: Annotated[str | None, Meta(description="its zone")]
    enable_acting_master: Annotated[
        bool, Meta(description="whether a slave may stand for a missing master")
    ]
    topics: Annotated[int, Meta(description="topics that have queues on it")]
    problems: Problems
    brokers: Annotated[list[Member], Meta(description="a page of brokers, by id")]
    next: Next = UNSET


class PermissionChange(Struct):
    """A changed write permission."""

    topics: Annotated[int, Meta(description="topics of the group")]


def get_brokers(call: Call) -> Steps[HttpAnswer]:
    """A page of broker groups."""
    tables, parameters = call.inside.state.tables, call.parameters
    texts = tables.group_texts
    if parameters.cluster is not UNSET:
        in_cluster = tables.cluster_names.names_in(parameters.cluster)
        if in_cluster is None:
            yield from no_cluster(call, parameters.cluster)
        texts = in_cluster or texts
    state, now_ms = call.inside.state, call.now_ms

    def make(name: str) -> Made:
        data = tables.broker_addr_table.get(name)
        if data is None:
            return None
        return _summary(state, data, parameters.problem, now_ms)

    found = yield from names_page(texts, parameters, make, _GROUP_UNITS)
    total = len(tables.broker_addr_table)
    page = Brokers(found.items, total, next_link(parameters, found.after))
    return respond(call.request, page)


def no_cluster(call: Call, cluster: str) -> Steps[None]:
    """Raise HttpRefused (404) for an unknown cluster, with similar ones."""
    texts = call.inside.state.tables.cluster_names.texts
    near = yield from similar_in(cluster, texts)
    raise HttpRefused(404, f"there is no cluster {cluster[:100]!r}", similar=near)


def _summary(
    state: RoutingState, data: BrokerData, wanted: Any, now_ms: int
) -> Steps[GroupSummary | None]:
    """The item of a group, None if it has not the problem that is wanted."""
    problems = yield from _problems(state, data, now_ms)
    if wanted is not UNSET and wanted not in (*problems, *(["any"] * bool(problems))):
        return None
    return GroupSummary(
        broker_name=data.broker_name,
        cluster=data.cluster,
        brokers=len(data.broker_addrs),
        live_brokers=len(data.live_keys),
        topics=data.topic_count,
        master_addr=data.broker_addrs.get(MASTER_ID),
        problems=problems,
        link=f"brokers/{encoded(data.broker_name)}",
    )


def _problems(
    state: RoutingState, data: BrokerData, now_ms: int
) -> Steps[list[GroupProblem]]:
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
    problems = yield from _problems(state, data, call.now_ms)
    after, limit = parameters.after, parameters.limit
    ids = list(data.broker_addrs)
    yield len(ids) * Cost.GROUP
    rest = [number for number in ids if after is UNSET or number > after]
    some = rest[:limit]
    group = Group(
        broker_name=data.broker_name,
        cluster=data.cluster,
        zone_name=data.zone_name,
        enable_acting_master=data.enable_acting_master,
        topics=data.topic_count,
        problems=problems,
        brokers=[
            _member(state, data, number, call.now_ms)
            for number in some
            if number in data.broker_addrs
        ],
        next=next_link(parameters, str(some[-1]) if len(rest) > limit else UNSET),
    )
    return respond(call.request, group)


def no_group(state: RoutingState, name: str) -> Steps[HttpAnswer]:
    """Raise HttpRefused (404) for an unknown broker group, with similar ones."""
    near = yield from similar_in(name, state.tables.group_texts)
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

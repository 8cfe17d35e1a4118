"""Requests that read routes, clusters and lists of topics: 105, 106, 206, 224, 304 and
311 to 313 (protocol.md 2.7-2.16).

Source: `ClientRequestProcessor`, `ZoneRouteRPCHook`, `DefaultRequestProcessor`.
"""

from typing import Final, Literal

from namesrv._impl import TopicQueues
from namesrv.codes import (
    TOPIC_SYS_FLAG_UNIT,
    TOPIC_SYS_FLAG_UNIT_SUB,
    VERSION_V4_9_4,
    ZONE_MODE,
    ZONE_NAME,
    ResponseCode,
)
from namesrv.errors import RequestFailed
from namesrv.hot_path import HotCode, Pause
from namesrv.routing.access.request import Request
from namesrv.routing.answers import queries
from namesrv.routing.answers.queries import RouteForm
from namesrv.routing.outbox import RouteQuery
from namesrv.routing.state import RoutingState
from namesrv.routing.tables.busy_groups import Awaited
from namesrv.wire.answer_frames import NO_ROUTE_REMARK
from namesrv.wire.command import ExtFields, RemotingCommand
from namesrv.wire.java_json.values import parse_java_bool
from namesrv.work import Cost, Steps, finish

_FEW_GROUPS: Final = 250
"""Routes of fewer groups are written in one step."""
_KEPT_GROUPS_PER_UNIT: Final = 32
"""Groups per unit of a route that was kept."""


def get_routeinfo_by_topic(
    state: RoutingState, request: Request
) -> RemotingCommand | Steps[RemotingCommand] | Literal[Pause.TURN] | None:
    """The route of a topic, code 17 without one, code 1 while the gate is closed.

    In cluster-test mode a topic that is unknown here is asked of another cluster.
    """
    is_test = state.options.cluster_test
    if not state.is_ready(request.now_ms) and not is_test:
        state.outbox.warn(
            "name server not ready",
            code=request.code,
            remote=request.remote_address,
        )
        raise RequestFailed("name server not ready")
    if not state.hot.hot_codes & HotCode.ROUTE and not state.outbox.is_debugging:
        state.refresh_hot_path(request.now_ms)
    topic = request.ext_fields.get("topic")
    entry = state.tables.topic_queue_table.get(topic) if topic is not None else None
    if entry is not None and state.tables.busy.hides(entry.queues):
        state.tables.busy.put_back(request.connection, Awaited.ROUTE)
        return Pause.TURN
    if entry is not None and _has_group(state, entry):
        return _known_route(state, request, entry)
    remote = request.remote_address
    state.outbox.debug("lookup of an unknown topic", topic=topic, remote=remote)
    if topic is not None and is_test:
        _ask_product_cluster(state, request, topic)
        return None
    return _route_answer(state, request, topic, None)


def _route_answer(
    state: RoutingState, request: Request, topic: str | None, body: bytes | None
) -> RemotingCommand:
    if body is not None:
        return request.answer(body=body)
    if topic is not None:
        state.missing.note(request, topic)
    shown = "null" if topic is None else topic
    return request.answer(
        ResponseCode.TOPIC_NOT_EXIST, NO_ROUTE_REMARK.format(topic=shown)
    )


def _ask_product_cluster(state: RoutingState, request: Request, topic: str) -> None:
    """Source: `ClusterTestRequestProcessor`, protocol.md section 2.23."""

    def done(body: bytes | None) -> None:
        state.answer_later(request, _route_answer(state, request, topic, body))

    state.outbox.put(RouteQuery(topic, done))


def _has_group(state: RoutingState, entry: TopicQueues) -> bool:
    """False when its last group is gone, and the topic goes in a later turn."""
    known = state.tables.broker_addr_table
    return any(name in known for name in entry.queues)


def _known_route(
    state: RoutingState, request: Request, entry: TopicQueues
) -> RemotingCommand | Steps[RemotingCommand] | Literal[Pause.TURN]:
    """The route as it was kept, or written now; one of many groups in steps."""
    form = _form(state, request, entry)
    groups = len(entry.queues)
    state.turn.spend(groups // _KEPT_GROUPS_PER_UNIT)
    body = (
        state.route_bodies.find(entry, form) if _is_plain(state, entry, form) else None
    )
    if body is not None:
        _keep_answer(state, entry, form, body)
    elif groups <= _FEW_GROUPS:
        body = finish(_write_route(state, entry, form))
        state.turn.spend(groups * Cost.GROUP)
    elif state.tables.busy.has_answer:
        state.tables.busy.put_back(request.connection, Awaited.ANSWER)
        return Pause.TURN
    else:
        return _large_route(state, request, entry, form)
    return request.answer(body=body)


def _large_route(
    state: RoutingState, request: Request, entry: TopicQueues, form: RouteForm
) -> Steps[RemotingCommand]:
    with state.tables.busy.hold_answer():
        body = yield from _write_route(state, entry, form)
    return request.answer(body=body)


def _form(state: RoutingState, request: Request, entry: TopicQueues) -> RouteForm:
    ext_fields = request.ext_fields
    standard = not state.options.cluster_test and (
        request.command.version >= VERSION_V4_9_4
        or parse_java_bool(ext_fields.get("acceptStandardJsonOnly"))
    )
    return RouteForm(standard, _zone_of(ext_fields), _order_of(state, entry))


def _order_of(state: RoutingState, entry: TopicQueues) -> str | None:
    with_order = state.options.order_message_enable or state.options.cluster_test
    return state.order_topic_conf(entry.topic) if with_order else None


def _write_route(
    state: RoutingState, entry: TopicQueues, form: RouteForm
) -> Steps[bytes]:
    """The body, which is kept if nothing has changed since it was begun."""
    before, is_plain = _basis(state, entry), _is_plain(state, entry, form)
    body = yield from queries.pickup_topic_route_data(
        state.tables, state.options, entry, form
    )
    if _basis(state, entry) == before:
        if is_plain:
            state.route_bodies.keep(entry, form, body)
        _keep_answer(state, entry, form, body)
    return body


def _basis(state: RoutingState, entry: TopicQueues) -> tuple[object, ...]:
    """Equal as long as nothing has changed that a route depends on."""
    tables = state.tables
    order = _order_of(state, entry)
    return tables.changes, tables.group_changes, state.configuration_changes, order


def _is_plain(state: RoutingState, entry: TopicQueues, form: RouteForm) -> bool:
    """Whether every topic with these queues has this route."""
    return (
        form.order_topic_conf is None
        and entry.topic not in state.tables.topic_queue_mapping_info_table
        and not state.options.support_acting_master
    )


def _keep_answer(
    state: RoutingState, entry: TopicQueues, form: RouteForm, body: bytes
) -> None:
    if form.zone_name is None and not state.options.cluster_test:
        state.tables.marks.answered(entry, form.standard, body)


def _zone_of(ext_fields: ExtFields) -> str | None:
    """The zone that the client wants to stay in, None for all (section 3.13)."""
    name = ext_fields.get(ZONE_NAME)
    if not parse_java_bool(ext_fields.get(ZONE_MODE)) or name is None:
        return None
    return name if name.strip() else None


def get_broker_cluster_info(
    state: RoutingState, request: Request
) -> Steps[RemotingCommand]:
    """All groups and clusters."""
    body = yield from queries.get_broker_cluster_info(state.tables)
    return request.answer(body=body)


def get_all_topic_list(state: RoutingState, request: Request) -> Steps[RemotingCommand]:
    """All topics, unless an operator switched it off."""
    if not state.options.enable_all_topic_list:
        raise RequestFailed("disable")
    body = yield from state.topic_lists.all()
    remote = request.remote_address
    state.outbox.info("list of all topics asked for", remote=remote)
    return request.answer(body=body)


def get_topics_by_cluster(
    state: RoutingState, request: Request
) -> Steps[RemotingCommand]:
    """Topics of one cluster, unless an operator switched it off."""
    _check_lists_enabled(state)
    cluster = request.ext_fields.get("cluster") or ""
    return request.answer(body=(yield from state.topic_lists.of_cluster(cluster)))


def get_system_topic_list(
    state: RoutingState, request: Request
) -> Steps[RemotingCommand]:
    """Cluster and broker names, and one broker to ask for more."""
    body = yield from queries.get_system_topic_list(state.tables)
    return request.answer(body=body)


def get_unit_topic_list(
    state: RoutingState, request: Request
) -> Steps[RemotingCommand]:
    """Topics with the unit flag."""
    return _topics_by_flag(state, request, TOPIC_SYS_FLAG_UNIT, TOPIC_SYS_FLAG_UNIT)


def get_has_unit_sub_topic_list(
    state: RoutingState, request: Request
) -> Steps[RemotingCommand]:
    """Topics with the unit-subscription flag."""
    sub = TOPIC_SYS_FLAG_UNIT_SUB
    return _topics_by_flag(state, request, sub, sub)


def get_has_unit_sub_ununit_topic_list(
    state: RoutingState, request: Request
) -> Steps[RemotingCommand]:
    """Topics with the unit-subscription flag and without the unit flag."""
    both = TOPIC_SYS_FLAG_UNIT | TOPIC_SYS_FLAG_UNIT_SUB
    return _topics_by_flag(state, request, both, TOPIC_SYS_FLAG_UNIT_SUB)


def _topics_by_flag(
    state: RoutingState, request: Request, mask: int, wanted: int
) -> Steps[RemotingCommand]:
    _check_lists_enabled(state)
    return request.answer(body=(yield from state.topic_lists.with_flag(mask, wanted)))


def _check_lists_enabled(state: RoutingState) -> None:
    if not state.options.enable_topic_list:
        raise RequestFailed("disable")

"""Operators change topics: 205, 216, 217 and 327 (protocol.md 2.9 to 2.13).

Source: `DefaultRequestProcessor#wipeWritePermOfBroker`, `#addWritePermOfBroker`,
`#deleteTopicInNamesrv`, `#registerTopicToNamesrv`.
"""

from typing import Literal

from namesrv.hot_path import Pause
from namesrv.routing.access.request import Request
from namesrv.routing.state import RoutingState
from namesrv.routing.tables import topics
from namesrv.routing.tables.busy_groups import Awaited
from namesrv.routing.tables.limits import check_topic
from namesrv.wire.command import RemotingCommand
from namesrv.wire.register_body import read_queue_datas_steps
from namesrv.work import Steps

Later = Steps[RemotingCommand] | Literal[Pause.TURN]


def wipe_write_perm_of_broker(state: RoutingState, request: Request) -> Later:
    """Make a broker read-only; the answer counts its topics."""
    return _change_write_perm(state, request, "wipeTopicCount", is_writable=False)


def add_write_perm_of_broker(state: RoutingState, request: Request) -> Later:
    """Make a broker writable again; the answer counts its topics."""
    return _change_write_perm(state, request, "addTopicCount", is_writable=True)


def _change_write_perm(
    state: RoutingState, request: Request, count_field: str, *, is_writable: bool
) -> Later:
    name = request.ext_fields.get("brokerName") or ""
    if state.tables.busy.is_busy(name):
        return Pause.TURN
    changed = topics.change_write_perm(
        state.tables, state.events, request.cause, name, is_writable=is_writable
    )
    return _counted(request, changed, count_field)


def _counted(
    request: Request, changed: Steps[int], count_field: str
) -> Steps[RemotingCommand]:
    return request.answer(ext_fields={count_field: str((yield from changed))})


def delete_topic_in_namesrv(state: RoutingState, request: Request) -> Later:
    """Remove a topic, everywhere or in one cluster; always a success."""
    topic = request.ext_fields.get("topic")
    if _has_busy_group(state, topic):
        return Pause.TURN
    return _delete_topic(state, request, topic)


def _delete_topic(
    state: RoutingState, request: Request, topic: str | None
) -> Steps[RemotingCommand]:
    if topic is not None:
        cluster = request.ext_fields.get("clusterName")
        yield from topics.delete_topic(
            state.tables, state.events, request.cause, topic, cluster
        )
    return request.answer()


def _has_busy_group(state: RoutingState, topic: str | None) -> bool:
    entry = state.tables.topic_queue_table.get(topic or "")
    return entry is not None and state.tables.busy.are_busy(entry.queues)


def register_topic_in_namesrv(state: RoutingState, request: Request) -> Later:
    """Add a topic's queues. Raises BodyInvalid, and RequestFailed for too many."""
    if state.tables.busy.has_body:
        state.tables.busy.put_back(request.connection, Awaited.BODY)
        return Pause.TURN
    return _register_topic(state, request)


def _register_topic(state: RoutingState, request: Request) -> Steps[RemotingCommand]:
    topic, body = request.ext_fields.get("topic"), request.command.body
    if body is None:
        return request.answer()
    tables = state.tables
    with tables.busy.hold_body():
        queue_datas = yield from read_queue_datas_steps(body)
        if topic is None or not queue_datas:
            return request.answer()
        names = {q.broker_name or "" for q in queue_datas if q is not None}
        yield from tables.busy.wait_all(names)
        check_topic(tables, state.options, topic, queue_datas)
        yield from topics.register_topic(
            tables, state.events, request.cause, topic, queue_datas
        )
    return request.answer()

"""Operators change topics: 205, 216, 217 and 327 (protocol.md 2.9 to 2.13).

Source: `DefaultRequestProcessor#wipeWritePermOfBroker`, `#addWritePermOfBroker`,
`#deleteTopicInNamesrv`, `#registerTopicToNamesrv`.
"""

from typing import Literal

from namesrv._impl import Connection
from namesrv.hot_path import Pause
from namesrv.routing.state import RoutingState
from namesrv.routing.tables import topics
from namesrv.routing.tables.busy_groups import Awaited
from namesrv.routing.tables.limits import check_topic
from namesrv.wire.command import RemotingCommand
from namesrv.wire.register_body import read_queue_datas_steps
from namesrv.work import Steps

Later = Steps[RemotingCommand] | Literal[Pause.TURN]


def wipe_write_perm_of_broker(
    state: RoutingState, command: RemotingCommand, connection: Connection, now_ms: int
) -> Later:
    """Make a broker read-only; the answer counts its topics."""
    name = (command.ext_fields or {}).get("brokerName") or ""
    if state.tables.busy.is_busy(name):
        return Pause.TURN
    changed = topics.wipe_write_perm_of_broker(state.tables, name)
    return _perm_changed(state, command, connection, changed, "wiped", "wipe")


def add_write_perm_of_broker(
    state: RoutingState, command: RemotingCommand, connection: Connection, now_ms: int
) -> Later:
    """Make a broker writable again; the answer counts its topics."""
    name = (command.ext_fields or {}).get("brokerName") or ""
    if state.tables.busy.is_busy(name):
        return Pause.TURN
    changed = topics.add_write_perm_of_broker(state.tables, name)
    return _perm_changed(state, command, connection, changed, "added", "add")


def _perm_changed(
    state: RoutingState,
    command: RemotingCommand,
    connection: Connection,
    changed: Steps[int],
    done: str,
    verb: str,
) -> Steps[RemotingCommand]:
    count = yield from changed
    name = (command.ext_fields or {}).get("brokerName")
    _log_perm(state, connection, f"write permission {done}", name, count)
    return command.answer(ext_fields={f"{verb}TopicCount": str(count)})


def _log_perm(
    state: RoutingState,
    connection: Connection,
    event: str,
    broker_name: str | None,
    count: int,
) -> None:
    if count:
        remote = connection.remote_address
        state.outbox.info(event, broker=broker_name, topics=count, remote=remote)


def delete_topic_in_namesrv(
    state: RoutingState, command: RemotingCommand, connection: Connection, now_ms: int
) -> Later:
    """Forget a topic, everywhere or in one cluster; always a success."""
    ext_fields = command.ext_fields or {}
    topic, cluster = ext_fields.get("topic"), ext_fields.get("clusterName")
    if _has_busy_group(state, topic):
        return Pause.TURN
    return _delete_topic(state, command, topic, cluster)


def _delete_topic(
    state: RoutingState,
    command: RemotingCommand,
    topic: str | None,
    cluster: str | None,
) -> Steps[RemotingCommand]:
    if topic is not None:
        yield from topics.delete_topic(state.tables, state.outbox, topic, cluster)
    return command.answer()


def _has_busy_group(state: RoutingState, topic: str | None) -> bool:
    entry = state.tables.topic_queue_table.get(topic or "")
    return entry is not None and state.tables.busy.are_busy(entry.queues)


def register_topic_in_namesrv(
    state: RoutingState, command: RemotingCommand, connection: Connection, now_ms: int
) -> Later:
    """Add a topic's queues. Raises BodyInvalid, and RequestFailed for too many."""
    if state.tables.busy.has_body:
        state.tables.busy.put_back(connection, Awaited.BODY)
        return Pause.TURN
    return _register_topic(state, command)


def _register_topic(
    state: RoutingState, command: RemotingCommand
) -> Steps[RemotingCommand]:
    topic, body = (command.ext_fields or {}).get("topic"), command.body
    if body is None:
        return command.answer()
    tables = state.tables
    with tables.busy.hold_body():
        queue_datas = yield from read_queue_datas_steps(body)
        if topic is None or not queue_datas:
            return command.answer()
        names = {q.broker_name or "" for q in queue_datas if q is not None}
        yield from tables.busy.wait_all(names)
        check_topic(tables, state.options, topic, queue_datas)
        yield from topics.register_topic(tables, state.outbox, topic, queue_datas)
    return command.answer()

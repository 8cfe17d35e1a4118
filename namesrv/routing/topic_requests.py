"""Operators change topics: 205, 216, 217 and 327 (protocol.md 2.9 to 2.13).

Source: `DefaultRequestProcessor#wipeWritePermOfBroker`, `#addWritePermOfBroker`,
`#deleteTopicInNamesrv`, `#registerTopicToNamesrv`.
"""

from namesrv._impl import Connection
from namesrv.routing import topics
from namesrv.routing.route_limits import check_topic
from namesrv.routing.state import RoutingState
from namesrv.wire.command import RemotingCommand
from namesrv.wire.register_body import read_queue_datas


def wipe_write_perm_of_broker(
    state: RoutingState, command: RemotingCommand, connection: Connection, now_ms: int
) -> RemotingCommand:
    """Make a broker read-only; the answer counts its topics."""
    name = (command.ext_fields or {}).get("brokerName")
    count = topics.wipe_write_perm_of_broker(state.tables, name or "")
    _log_perm(state, connection, "write permission wiped", name, count)
    return command.answer(ext_fields={"wipeTopicCount": str(count)})


def add_write_perm_of_broker(
    state: RoutingState, command: RemotingCommand, connection: Connection, now_ms: int
) -> RemotingCommand:
    """Make a broker writable again; the answer counts its topics."""
    name = (command.ext_fields or {}).get("brokerName")
    count = topics.add_write_perm_of_broker(state.tables, name or "")
    _log_perm(state, connection, "write permission added", name, count)
    return command.answer(ext_fields={"addTopicCount": str(count)})


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
) -> RemotingCommand:
    """Forget a topic, everywhere or in one cluster; always a success."""
    ext_fields = command.ext_fields or {}
    topic, cluster = ext_fields.get("topic"), ext_fields.get("clusterName")
    if topic is not None and cluster:
        topics.delete_topic_in_cluster(state.tables, state.outbox, topic, cluster)
    elif topic is not None:
        topics.delete_topic(state.tables, state.outbox, topic)
    return command.answer()


def register_topic_in_namesrv(
    state: RoutingState, command: RemotingCommand, connection: Connection, now_ms: int
) -> RemotingCommand:
    """Add a topic's queues. Raises BodyInvalid, and RequestFailed for too many."""
    topic = (command.ext_fields or {}).get("topic")
    queue_datas = read_queue_datas(command.body) if command.body is not None else None
    if topic is not None and queue_datas:
        check_topic(state.tables, state.options, topic, queue_datas)
        topics.register_topic(state.tables, state.outbox, topic, queue_datas)
    return command.answer()

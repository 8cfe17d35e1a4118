"""Topics and write permission, changed by operators (protocol.md sections 3.8, 3.10).

Source: `RouteInfoManager#deleteTopic`, `#registerTopic`, `#wipeWritePermOfBrokerByLock`
and `#addWritePermOfBrokerByLock`.
"""

from collections.abc import Sequence

from namesrv._impl import TopicQueues
from namesrv.codes import PERM_READ, PERM_WRITE
from namesrv.routing.events import (
    Cause,
    EventStream,
    PermissionChanged,
    TopicAdded,
    TopicChanged,
    TopicChanges,
    TopicRemoved,
)
from namesrv.routing.tables.queue_steps import set_queues
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.wire.bodies import QueueData
from namesrv.work import Cost, Steps, batches


def delete_topic(
    tables: RouteTables,
    events: EventStream,
    cause: Cause,
    topic: str,
    cluster: str | None = None,
) -> Steps[None]:
    """Remove a topic from every broker, or from those of one cluster. An unknown topic
    is no error, and changes nothing."""
    entry = tables.topic_queue_table.get(topic)
    if entry is None:
        return
    names = _of_cluster(tables, entry, cluster) if cluster else list(entry.queues)
    changes = TopicChanges()
    with tables.busy.hold_all(names):
        for some in batches(names, Cost.GROUP):
            for name in some:
                tables.remove_queue(entry, name, changes)
            tables.forget_digests(some)
            yield len(some) * Cost.GROUP
    if changes:
        wall_millis, only = events.wall_millis(), cluster or None
        events.put(TopicRemoved(wall_millis, cause, entry.topic, names, only))


def _of_cluster(tables: RouteTables, entry: TopicQueues, cluster: str) -> list[str]:
    names = tables.cluster_addr_table.get(cluster, set())
    return [name for name in entry.queues if name in names]


def register_topic(
    tables: RouteTables,
    events: EventStream,
    cause: Cause,
    topic: str,
    queue_datas: Sequence[QueueData | None],
) -> Steps[None]:
    """Store queues of known brokers. A known topic takes them up to the first unknown
    broker, an unknown topic only if every broker is known."""
    known: list[QueueData] = []
    for queue_data in queue_datas:
        if queue_data is None or queue_data.broker_name not in tables.broker_addr_table:
            break
        known.append(queue_data)
    entry = tables.topic_queue_table.get(topic)
    is_new = entry is None
    had = set() if entry is None else set(entry.queues)
    if is_new and len(known) < len(queue_datas):
        return
    changes = TopicChanges()
    with tables.busy.hold_all([queue_data.broker_name or "" for queue_data in known]):
        for some in batches(known, Cost.GROUP):
            # At once: no lookup sees the topic with some of them.
            units = sum(sum(_store_queues(tables, topic, q, changes)) for q in some)
            tables.forget_digests([q.broker_name or "" for q in some])
            yield units + len(some) * Cost.GROUP
    if changes:
        # Each once, in the order of the request.
        names = list(dict.fromkeys(q.broker_name or "" for q in known))
        wall_millis = events.wall_millis()
        if is_new:
            events.put(TopicAdded(wall_millis, cause, topic, names))
            return
        new_on = [name for name in names if name not in had]
        events.put(TopicChanged(wall_millis, cause, topic, names, new_on or None))


def _store_queues(
    tables: RouteTables, topic: str, queue_data: QueueData, changes: TopicChanges
) -> Steps[None]:
    data = tables.broker_addr_table[queue_data.broker_name or ""]
    # One with the group's own name: a copy for each topic would add up.
    shared = data.shared(
        queue_data.perm,
        queue_data.read_queue_nums,
        queue_data.topic_sys_flag,
        queue_data.write_queue_nums,
    )
    return set_queues(tables, data, [topic], [shared], changes)


def change_write_perm(
    tables: RouteTables,
    events: EventStream,
    cause: Cause,
    broker_name: str,
    *,
    is_writable: bool,
) -> Steps[int]:
    """Change the permission of a group in all its topics; how many topics name it.

    A group that becomes writable gets perm 6 (read and write, nothing else), one that
    does not keeps all bits but that for writing.
    """
    data = tables.broker_addr_table.get(broker_name)
    if data is None:
        return 0
    tables.forget_digests((broker_name,))
    changes = TopicChanges()
    with tables.busy.hold(broker_name):
        entries = data.topics()
        count = len(entries)
        change = _writable if is_writable else _read_only
        for some in batches(entries, Cost.TOPIC):
            other = data.queues_with_perm(some, change)
            yield from set_queues(tables, data, some, other, changes)
            yield len(some) * Cost.TOPIC
    if changes:
        wall_millis, name = events.wall_millis(), data.broker_name
        topics = changes.changed
        events.put(PermissionChanged(wall_millis, cause, name, is_writable, topics))
    return count


def _writable(perm: int) -> int:
    return PERM_READ | PERM_WRITE


def _read_only(perm: int) -> int:
    return perm & ~PERM_WRITE

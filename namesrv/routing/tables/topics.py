"""Topics and write permission, changed by operators (protocol.md sections 3.8, 3.10).

Source: `RouteInfoManager#deleteTopic`, `#registerTopic`, `#wipeWritePermOfBrokerByLock`
and `#addWritePermOfBrokerByLock`.
"""

from collections.abc import Callable, Sequence
from typing import Final

from namesrv.codes import PERM_READ, PERM_WRITE
from namesrv.routing.outbox import Outbox
from namesrv.routing.tables.broker_data import TopicQueues
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.wire.bodies import QueueData
from namesrv.work import Cost, Steps, batches

_MOST_SHOWN: Final = 20


def delete_topic(
    tables: RouteTables, outbox: Outbox, topic: str, cluster: str | None = None
) -> Steps[None]:
    """Drop a topic from every broker, or from those of one cluster; nothing happens to
    an unknown one."""
    entry = tables.topic_queue_table.get(topic)
    if entry is None:
        return
    names = _of_cluster(tables, entry, cluster) if cluster else list(entry.queues)
    with tables.busy.hold_all(names):
        for some in batches(names, Cost.GROUP):
            for name in some:
                tables.remove_queue(entry, name)
            tables.forget_digests(some)
            yield len(some) * Cost.GROUP
    if names:
        fields = {"cluster": cluster} if cluster else {}
        brokers = names_text(names)
        outbox.info("topic deleted", topic=topic, **fields, brokers=brokers)


def _of_cluster(tables: RouteTables, entry: TopicQueues, cluster: str) -> list[str]:
    names = tables.cluster_addr_table.get(cluster, set())
    return [name for name in entry.queues if name in names]


def names_text(names: Sequence[str]) -> str:
    """For a log line, which shows a few of many."""
    shown = ",".join(sorted(names[:_MOST_SHOWN]))
    return shown if len(names) <= _MOST_SHOWN else f"{shown},... ({len(names)})"


def register_topic(
    tables: RouteTables,
    outbox: Outbox,
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
    if topic not in tables.topic_queue_table and len(known) < len(queue_datas):
        return
    names = [queue_data.broker_name or "" for queue_data in known]
    with tables.busy.hold_all(names):
        before = _changes(tables, names)
        for some in batches(known, Cost.GROUP):
            for queue_data in some:
                data = tables.broker_addr_table[queue_data.broker_name or ""]
                # One with the group's own name: a copy for each topic would add up.
                shared = data.shared(
                    queue_data.perm,
                    queue_data.read_queue_nums,
                    queue_data.topic_sys_flag,
                    queue_data.write_queue_nums,
                )
                tables.set_queues(data, {topic: shared})
            tables.forget_digests([q.broker_name or "" for q in some])
            yield len(some) * Cost.GROUP
        is_changed = _changes(tables, names) != before
    if is_changed:
        outbox.info("topic registered", topic=topic, brokers=names_text(names))


def _changes(tables: RouteTables, names: Sequence[str]) -> list[tuple[int, int]]:
    """How much was added to these groups and changed in them so far."""
    groups = [tables.broker_addr_table.get(name) for name in names]
    return [(d.queues_added, d.queues_changed) for d in groups if d is not None]


def wipe_write_perm_of_broker(tables: RouteTables, broker_name: str) -> Steps[int]:
    """Make a broker read-only in all its topics; how many topics name it."""
    return change_perm(tables, broker_name, lambda perm: perm & ~PERM_WRITE)


def add_write_perm_of_broker(tables: RouteTables, broker_name: str) -> Steps[int]:
    """Give a broker perm 6 (read and write, nothing else) in all its topics."""
    return change_perm(tables, broker_name, lambda perm: PERM_READ | PERM_WRITE)


def change_perm(
    tables: RouteTables, broker_name: str, change: Callable[[int], int]
) -> Steps[int]:
    """Change the permission of a group in all its topics; how many topics name it."""
    data = tables.broker_addr_table.get(broker_name)
    if data is None:
        return 0
    tables.forget_digests((broker_name,))
    with tables.busy.hold(broker_name):
        entries = data.topics()
        for some in batches(entries, 2 * Cost.TOPIC):
            tables.set_queues(data, data.queues_with_perm(some, change))
            yield len(some) * 2 * Cost.TOPIC
    return len(entries)

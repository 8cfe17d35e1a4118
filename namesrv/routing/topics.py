"""Topics and write permission, changed by operators (protocol.md sections 3.8, 3.10).

Source: `RouteInfoManager#deleteTopic`, `#registerTopic`, `#wipeWritePermOfBrokerByLock`
and `#addWritePermOfBrokerByLock`.
"""

from collections.abc import Sequence

from namesrv.codes import PERM_READ, PERM_WRITE
from namesrv.routing.outbox import Outbox
from namesrv.routing.tables import RouteTables
from namesrv.wire.bodies import QueueData


def delete_topic(tables: RouteTables, outbox: Outbox, topic: str) -> None:
    """Drop a topic from every broker; nothing happens to an unknown one."""
    names = tables.remove_topic(topic)
    tables.forget_digests(names)
    if names:
        outbox.info("topic deleted", topic=topic, brokers=",".join(sorted(names)))


def delete_topic_in_cluster(
    tables: RouteTables, outbox: Outbox, topic: str, cluster: str
) -> None:
    """Drop a topic from the brokers of one cluster."""
    entry = tables.topic_queue_table.get(topic)
    names = tables.cluster_addr_table.get(cluster)
    if entry is None or names is None:
        return
    removed = sorted(
        name for name in names if name is not None and name in entry.queues
    )
    for name in removed:
        tables.remove_queue(entry, name)
    tables.forget_digests(removed)
    if removed:
        outbox.info(
            "topic deleted", topic=topic, cluster=cluster, brokers=",".join(removed)
        )


def register_topic(
    tables: RouteTables,
    outbox: Outbox,
    topic: str,
    queue_datas: Sequence[QueueData | None],
) -> None:
    """Store queues of known brokers. A known topic takes them up to the first unknown
    broker, an unknown topic only if every broker is known."""
    known: list[QueueData] = []
    for queue_data in queue_datas:
        if queue_data is None or queue_data.broker_name not in tables.broker_addr_table:
            break
        known.append(queue_data)
    if topic not in tables.topic_queue_table and len(known) < len(queue_datas):
        return
    changes = tables.topic_changes
    for queue_data in known:
        data = tables.broker_addr_table[queue_data.broker_name or ""]
        tables.set_queues(data, {topic: queue_data})
    names = [queue_data.broker_name or "" for queue_data in known]
    tables.forget_digests(names)
    if tables.topic_changes != changes:
        outbox.info("topic registered", topic=topic, brokers=",".join(names))


def wipe_write_perm_of_broker(tables: RouteTables, broker_name: str) -> int:
    """Make a broker read-only in all its topics; how many topics name it."""
    return _change_perm(tables, broker_name, write=False)


def add_write_perm_of_broker(tables: RouteTables, broker_name: str) -> int:
    """Give a broker perm 6 (read and write, nothing else) in all its topics."""
    return _change_perm(tables, broker_name, write=True)


def _change_perm(tables: RouteTables, broker_name: str, *, write: bool) -> int:
    data = tables.broker_addr_table.get(broker_name)
    if data is None:
        return 0
    if write:
        changed = data.queues_with_perm(lambda perm: PERM_READ | PERM_WRITE)
    else:
        changed = data.queues_with_perm(lambda perm: perm & ~PERM_WRITE)
    tables.set_queues(data, changed)
    tables.forget_digests((broker_name,))
    return len(data.topics())

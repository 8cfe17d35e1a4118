"""A group's queues of many topics, stored in steps of work."""

from collections.abc import Sequence

from namesrv._impl import TopicQueues
from namesrv.routing.events import TopicChanges
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.wire.bodies import QueueData
from namesrv.work import STEP_UNITS, Cost, Steps


def set_queues(
    tables: RouteTables,
    data: BrokerData,
    topics: Sequence[TopicQueues | str],
    queue_datas: Sequence[QueueData],
    changes: TopicChanges,
) -> Steps[None]:
    """Store a group's queues of topics, each once, of which a registration may bring
    10,000; those that changed are added to `changes`. A name is that of a topic which
    may be new. Topics that do not change alike end a step early."""
    place, size = 0, STEP_UNITS // Cost.TOPIC_STORED
    while place < len(topics):
        some = list(topics[place : place + size])
        given = list(queue_datas[place : place + size])
        stored = tables.store_queues(data, some, given, changes)
        place += stored.done
        yield stored.units

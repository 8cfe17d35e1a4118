"""A group's queues of many topics, stored in steps of work."""

from collections.abc import Mapping

from namesrv._impl import TopicQueues
from namesrv.routing.events import TopicChanges
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.wire.bodies import QueueData
from namesrv.work import STEP_UNITS, Cost, Steps

QueueDatas = Mapping[TopicQueues | str, QueueData]
"""Of one group, by topic, or by the name of one that may be new."""


def set_queues(
    tables: RouteTables,
    data: BrokerData,
    queue_datas: QueueDatas,
    changes: TopicChanges,
) -> Steps[None]:
    """Store a group's queues, of which a registration may bring 10,000; the topics that
    changed are added to `changes`. Topics that do not change alike end a step early."""
    topics, given = list(queue_datas), list(queue_datas.values())
    place, size = 0, STEP_UNITS // Cost.TOPIC_STORED
    while place < len(topics):
        some = slice(place, place + size)
        stored = tables.store_queues(data, topics[some], given[some], changes)
        place += stored.done
        yield stored.units

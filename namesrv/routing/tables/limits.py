"""Limits of the number of routes and of the length of names.

A route is a topic's entry of one broker group, or a static topic's mapping.
docs/architecture.md, "Memory".
"""

from collections.abc import Sequence

from namesrv.codes import MASTER_ID
from namesrv.errors import LimitExceeded
from namesrv.options import Options
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.routing.tables.registered_topics import RegisteredTopics
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.wire.bodies import (
    QueueData,
    RegisterBrokerBody,
    TopicConfigSerializeWrapper,
)
from namesrv.wire.body_limits import BodyLimits
from namesrv.wire.headers import RegisterBrokerRequestHeader
from namesrv.work import Cost, Steps, batches


def check_registration(
    tables: RouteTables,
    options: Options,
    header: RegisterBrokerRequestHeader,
    body: RegisterBrokerBody,
    topics: RegisteredTopics | None,
) -> Steps[None]:
    """Raise LimitExceeded for long names, and for more routes than there may be.

    `topics` are those of the body. A registration that adds no route is never refused
    for `maxRoutes`. The other limits of a body were checked when it was read
    (`wire.body_limits`).
    """
    _check_header(options, header)
    wrapper = body.topic_config_serialize_wrapper
    if wrapper is None:
        return
    if options.max_routes:
        data = tables.broker_addr_table.get(header.broker_name or "")
        if stores_topics(header, data):
            added = yield from _added_topics(tables, options, data, wrapper, topics)
            added += _added_mappings(tables, wrapper)
            yield len(wrapper.topic_queue_mapping_info_map or ()) * Cost.ENTRY
            _check_routes(tables, options, added)


def check_topic(
    tables: RouteTables,
    options: Options,
    topic: str,
    queue_datas: Sequence[QueueData | None],
) -> None:
    """The same for a topic that is registered for some groups (217)."""
    limits = BodyLimits.of(options)
    limits.check_name("topic name", topic)
    limits.check_queue_datas(queue_datas)
    if options.max_routes:
        entry = tables.topic_queue_table.get(topic)
        names = {
            queue_data.broker_name
            for queue_data in queue_datas
            if queue_data is not None
        }
        known = names & tables.broker_addr_table.keys()
        if entry is not None:
            known -= entry.queues.keys()
        _check_routes(tables, options, len(known))


def stores_topics(header: RegisterBrokerRequestHeader, data: BrokerData | None) -> bool:
    """Whether the topics of a registration count: those of a master do, and those of
    the slave with the lowest id that announces acting masters (steps 9 and 10).

    `data` is the group, before or after the registration has its address there; None
    for a new one.
    """
    if header.broker_id == MASTER_ID or header.broker_id is None:
        return True
    if header.enable_acting_master is None:
        return False
    if data is None:
        return True
    # The address leaves any other id that it has (step 4 of a registration).
    others = (i for i, addr in data.broker_addrs.items() if addr != header.broker_addr)
    return header.broker_id <= next(others, header.broker_id)


def _check_header(options: Options, header: RegisterBrokerRequestHeader) -> None:
    limits = BodyLimits.of(options)
    limits.check_name("broker name", header.broker_name)
    limits.check_name("broker address", header.broker_addr)
    limits.check_name("cluster name", header.cluster_name)
    limits.check_name("HA server address", header.ha_server_addr)
    limits.check_name("zone name", header.zone_name)


def _check_routes(tables: RouteTables, options: Options, added: int) -> None:
    if added > 0 and tables.routes + added > options.max_routes:
        raise LimitExceeded(
            f"{added} routes more than the {tables.routes} that there are",
            options.max_routes,
            "maxRoutes",
        )


def _added_topics(
    tables: RouteTables,
    options: Options,
    data: BrokerData | None,
    wrapper: TopicConfigSerializeWrapper,
    topics: RegisteredTopics | None,
) -> Steps[int]:
    added = 0 if topics is None else (yield from topics.count_new(tables, data))
    if (
        data is not None
        and options.delete_topic_with_broker_registration
        and not wrapper.topic_queue_mapping_info_map
    ):
        names = () if topics is None else topics.names
        for entries in batches(data.topics(), Cost.TOPIC):
            added -= sum(entry.topic not in names for entry in entries)
            yield len(entries) * Cost.TOPIC
    return added


def _added_mappings(tables: RouteTables, wrapper: TopicConfigSerializeWrapper) -> int:
    table = tables.topic_queue_mapping_info_table
    mappings = wrapper.topic_queue_mapping_info_map or {}
    return sum(
        info.bname not in table.get(topic, ()) for topic, info in mappings.items()
    )

"""How many topics and routes there may be; what goes beyond is refused whole.

A route is a topic's entry of one broker group, or a static topic's mapping.
docs/architecture.md, "Memory".
"""

from collections.abc import Sequence

from namesrv.codes import MASTER_ID
from namesrv.errors import RequestFailed
from namesrv.options import Options
from namesrv.routing.broker_data import BrokerData
from namesrv.routing.tables import RouteTables
from namesrv.wire.bodies import (
    QueueData,
    RegisterBrokerBody,
    TopicConfigSerializeWrapper,
)
from namesrv.wire.headers import RegisterBrokerRequestHeader


def check_registration(
    tables: RouteTables,
    options: Options,
    header: RegisterBrokerRequestHeader,
    body: RegisterBrokerBody,
) -> None:
    """Raise RequestFailed for too many topics, and for more routes than there may be.

    A registration that adds no route is never refused for `maxRoutes`.
    """
    wrapper = body.topic_config_serialize_wrapper
    if wrapper is None:
        return
    most = options.max_topics_per_registration
    count = len(wrapper.topic_config_table or ())
    count = max(count, len(wrapper.topic_queue_mapping_info_map or ()))
    if count > most:
        raise RequestFailed(
            f"registration of {count} topics, the limit is {most}"
            " (maxTopicsPerRegistration)"
        )
    if options.max_routes:
        data = tables.broker_addr_table.get(header.broker_name or "")
        if _stores_topics(header, data):
            added = _added_topics(tables, options, data, wrapper)
            _check_routes(tables, options, added + _added_mappings(tables, wrapper))


def check_topic(
    tables: RouteTables,
    options: Options,
    topic: str,
    queue_datas: Sequence[QueueData | None],
) -> None:
    """The same for a topic that is registered for some groups (217)."""
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


def _check_routes(tables: RouteTables, options: Options, added: int) -> None:
    if added > 0 and tables.routes + added > options.max_routes:
        raise RequestFailed(
            f"{added} routes more than the {tables.routes} that there are,"
            f" the limit is {options.max_routes} (maxRoutes)"
        )


def _stores_topics(
    header: RegisterBrokerRequestHeader, data: BrokerData | None
) -> bool:
    """Whether the sender's topics count: a master's, and those of a first slave."""
    if header.broker_id == MASTER_ID or header.broker_id is None:
        return True
    if header.enable_acting_master is None:
        return False
    addrs = {} if data is None else data.broker_addrs
    # The address leaves any other id that it has (step 4 of a registration).
    others = [key for key, addr in addrs.items() if addr != header.broker_addr]
    return header.broker_id <= min(others, default=header.broker_id)


def _added_topics(
    tables: RouteTables,
    options: Options,
    data: BrokerData | None,
    wrapper: TopicConfigSerializeWrapper,
) -> int:
    configs = wrapper.topic_config_table or {}
    topics = {config.topic_name for config in configs.values()} - {None}
    if data is None:
        return len(topics)
    added = sum(not tables.has(topic or "", data) for topic in topics)
    if (
        options.delete_topic_with_broker_registration
        and not wrapper.topic_queue_mapping_info_map
    ):
        added -= sum(entry.topic not in configs for entry in data.topics())
    return added


def _added_mappings(tables: RouteTables, wrapper: TopicConfigSerializeWrapper) -> int:
    table = tables.topic_queue_mapping_info_table
    mappings = wrapper.topic_queue_mapping_info_map or {}
    return sum(
        info.bname not in table.get(topic, ()) for topic, info in mappings.items()
    )

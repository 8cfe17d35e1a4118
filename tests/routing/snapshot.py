"""The whole state of a routing floor as plain values, to be compared."""

from collections.abc import Sequence
from typing import Any

from tests.routing.world import Connection, World


def snapshot(world: World, connections: Sequence[Connection]) -> dict[str, Any]:
    """Everything that may decide a later answer; connections by their index."""
    tables = world.tables
    index = {connection: i for i, connection in enumerate(connections)}
    return {
        "topics": {
            topic: dict(entry.queues)
            for topic, entry in tables.topic_queue_table.items()
        },
        "groups": {
            name: (
                data.cluster,
                data.broker_name,
                dict(data.broker_addrs),
                data.enable_acting_master,
                data.zone_name,
                set(data.live_keys),
            )
            for name, data in tables.broker_addr_table.items()
        },
        "clusters": {c: set(names) for c, names in tables.cluster_addr_table.items()},
        "live": {
            info.key: (
                info.broker_name,
                info.heartbeat_timeout_millis,
                info.last_update_timestamp,
                info.data_version,
                info.ha_server_addr,
                info.epoch,
                index.get(info.owner),
            )
            for info in tables.broker_live_table.entries()
        },
        "filters": dict(tables.filter_server_table),
        "mappings": {
            topic: dict(infos)
            for topic, infos in tables.topic_queue_mapping_info_table.items()
        },
        "mapped": {name: set(t) for name, t in tables.mapped_topics.items()},
        "gone": dict(tables.gone_since),
        "registered": [sorted(connection.registered) for connection in connections],
        "pauses": [connection.pause for connection in connections],
        "options": str(world.options),
        "files": dict(world.files),
        "waiting": [write.path for write in world.writes],
        "notifications": list(world.notifications),
    }


def reverse_index(world: World) -> dict[str, list[str]]:
    """broker name -> its topics, sorted, as the groups have them."""
    groups = world.tables.broker_addr_table.values()
    return {g.broker_name: sorted(e.topic for e in g.topics()) for g in groups}


def scanned_index(world: World) -> dict[str, list[str]]:
    """The same by looking at every topic."""
    found: dict[str, list[str]] = {n: [] for n in world.tables.broker_addr_table}
    for topic in sorted(world.tables.topic_queue_table):
        for name in world.tables.topic_queue_table[topic].queues:
            found[name].append(topic)
    return found

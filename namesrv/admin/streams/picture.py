"""The tables in a few numbers, for a reader that begins without the events before."""

from itertools import islice
from typing import Final

from namesrv.routing.state import RoutingState

MOST_CLUSTERS: Final = 100


def picture(state: RoutingState) -> dict[str, object]:
    """Totals and some clusters, as they are after event `last`."""
    tables, history = state.tables, state.history
    table = tables.cluster_addr_table
    clusters = [
        {"cluster": name, "broker_groups": len(table[name])}
        for name in sorted(islice(table, MOST_CLUSTERS))
    ]
    return {
        "run": state.run,
        "first": history.first,
        "last": history.last,
        "at_millis": state.wall_millis(),
        "topics": len(tables.topic_queue_table),
        "routes": tables.routes,
        "broker_groups": len(tables.broker_addr_table),
        "brokers": len(tables.broker_live_table),
        "clusters": clusters,
        "clusters_left_out": max(len(table) - MOST_CLUSTERS, 0),
    }

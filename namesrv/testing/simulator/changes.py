"""Every change of a table is an event: tables before and after, beside the events."""

from typing import Any

from namesrv.routing.events import Event, TopicAskedInVain
from namesrv.routing.state import RoutingState
from namesrv.testing.simulator.oracle import Violation


def facts_of(state: RoutingState) -> dict[str, Any]:
    """Everything whose change has to be an event, as plain values. Times at which
    brokers were heard from, and epochs, are left out."""
    tables = state.tables
    return {
        "topics": {t: dict(e.queues) for t, e in tables.topic_queue_table.items()},
        "groups": {
            name: (
                data.cluster,
                dict(data.broker_addrs),
                data.enable_acting_master,
                data.zone_name,
            )
            for name, data in tables.broker_addr_table.items()
        },
        "clusters": {c: set(names) for c, names in tables.cluster_addr_table.items()},
        "live": {
            info.key: (
                info.broker_name,
                info.heartbeat_timeout_millis,
                info.data_version,
                info.ha_server_addr,
                info.owner,
            )
            for info in tables.broker_live_table.entries()
        },
        "filter servers": {k: list(v) for k, v in tables.filter_server_table.items()},
        "mappings": {
            topic: dict(infos)
            for topic, infos in tables.topic_queue_mapping_info_table.items()
        },
    }


class ChangeWitness:
    """Compares the tables of one server whenever no work is half done."""

    def __init__(self, state: RoutingState) -> None:
        self._state = state
        self._facts = facts_of(state)
        self._events: list[Event] = []
        state.events.add(self._note)

    def _note(self, event: Event) -> None:
        if not isinstance(event, TopicAskedInVain):
            self._events.append(event)

    def check(self) -> None:
        """Raises Violation if something changed since the last check, and no event was
        published. Does nothing while work goes on or effects wait."""
        if self._state.unfinished or self._state.outbox:
            return
        before, self._facts = self._facts, facts_of(self._state)
        events = self._events.copy()
        self._events.clear()
        if events or before == self._facts:
            return
        tables = [name for name in before if before[name] != self._facts[name]]
        raise Violation(f"event: {' and '.join(tables)} changed without an event")

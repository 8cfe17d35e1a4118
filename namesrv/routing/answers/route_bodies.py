"""Route bodies as they were last written, by the queues and brokers in them.

Topics with the same queues on the same brokers have the same route. When a broker
changes, clients request all its topics again, and one route is written for them.
"""

from typing import Final

from namesrv.routing.answers.queries import RouteForm
from namesrv.routing.tables.broker_data import TopicQueues
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.wire.bodies import QueueData

_MOST_BODIES: Final = 256
_MOST_BYTES: Final = 1 << 23

_NO_ZONE: Final = ""
"""Stands for each zone in which no group is: their routes are equal."""

_Key = tuple[bool, str | None, tuple[int, ...]]
"""The last one are the ids of the queue data, each of which names its broker."""


class RouteBodies:
    """Bodies by dialect, zone and queue data; all go when a group
    changes. They are those of topics with these queues and nothing else in the route.
    """

    def __init__(self, tables: RouteTables) -> None:
        self._tables = tables
        self._group_changes = 0
        self._kept_bytes = 0
        self._zones: set[str] | None = None
        # The queue data is kept, too, so that no other one gets its id.
        self._bodies: dict[_Key, tuple[bytes, list[QueueData]]] = {}

    def find(self, entry: TopicQueues, form: RouteForm) -> bytes | None:
        """The body for a topic in a form, if it was kept."""
        if self._group_changes != self._tables.group_changes:
            self._group_changes = self._tables.group_changes
            self._zones = None
            self._clear()
        found = self._bodies.get(self._key(entry, form))
        return None if found is None else found[0]

    def keep(self, entry: TopicQueues, form: RouteForm, body: bytes) -> None:
        """Keep a body that was written of the tables as they are now."""
        if len(self._bodies) >= _MOST_BODIES or self._kept_bytes >= _MOST_BYTES:
            self._clear()
        self._bodies[self._key(entry, form)] = body, list(entry.queues.values())
        self._kept_bytes += len(body)

    def _key(self, entry: TopicQueues, form: RouteForm) -> _Key:
        zone = None if form.zone_name is None else self._zone(form.zone_name)
        return form.quotes_numbers, zone, tuple(map(id, entry.queues.values()))

    def _zone(self, zone_name: str) -> str:
        if self._zones is None:
            groups = self._tables.broker_addr_table.values()
            self._zones = {data.zone_name.lower() for data in groups if data.zone_name}
        zone = zone_name.lower()
        return zone if zone in self._zones else _NO_ZONE

    def _clear(self) -> None:
        self._bodies.clear()
        self._kept_bytes = 0

"""Route bodies as they were last written, by what they are made of.

Topics with the same queues on the same brokers have the same route. When a broker
changes, all its topics are asked for anew, and one of them is written.
"""

from collections.abc import Callable
from typing import Final

from namesrv.routing.tables.broker_data import TopicQueues
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.wire.bodies import QueueData

_MOST_BODIES: Final = 256
_MOST_BYTES: Final = 1 << 23

_Key = tuple[bool, tuple[str, ...], tuple[int, ...]]


class RouteBodies:
    """Bodies by dialect, broker names and queue data; all go when any group changes."""

    def __init__(self, tables: RouteTables) -> None:
        self._tables = tables
        self._group_changes = 0
        self._kept_bytes = 0
        # The queue data is kept, too, so that no other one gets its id.
        self._bodies: dict[_Key, tuple[bytes, list[QueueData]]] = {}

    def get(
        self, entry: TopicQueues, standard: bool, write: Callable[[], bytes]
    ) -> bytes:
        """The body for a topic with these queues and nothing else in its route."""
        if self._group_changes != self._tables.group_changes:
            self._group_changes = self._tables.group_changes
            self._clear()
        queues = entry.queues
        key = standard, tuple(queues), tuple(map(id, queues.values()))
        found = self._bodies.get(key)
        if found is not None:
            return found[0]
        body = write()
        if len(self._bodies) >= _MOST_BODIES or self._kept_bytes >= _MOST_BYTES:
            self._clear()
        self._bodies[key] = body, list(queues.values())
        self._kept_bytes += len(body)
        return body

    def _clear(self) -> None:
        self._bodies.clear()
        self._kept_bytes = 0

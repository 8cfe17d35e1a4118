"""Lists of topics as they were last written, for as long as they are true.

Listing 10,000 topics of many brokers takes milliseconds, and dashboards ask often.
"""

from collections.abc import Callable, Hashable
from typing import Final

from namesrv.routing.tables import RouteTables

_MOST_LISTS: Final = 16


class TopicLists:
    """Bodies by what was asked for; all of them go when any topic changes."""

    def __init__(self, tables: RouteTables) -> None:
        self._tables = tables
        self._bodies: dict[Hashable, bytes] = {}
        self._topic_changes = 0

    def get(self, asked: Hashable, write: Callable[[], bytes]) -> bytes:
        """The body for `asked`, which `write` makes from the tables."""
        if self._topic_changes != self._tables.topic_changes:
            self._topic_changes = self._tables.topic_changes
            self._bodies.clear()
        body = self._bodies.get(asked)
        if body is None:
            if len(self._bodies) >= _MOST_LISTS:
                self._bodies.clear()
            body = self._bodies[asked] = write()
        return body

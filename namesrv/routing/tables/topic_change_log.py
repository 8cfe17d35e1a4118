"""Changes of topics by a registration: a line with counts, and at DEBUG some names."""

from collections.abc import Mapping
from typing import Final

from namesrv.routing.outbox import Outbox
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.wire.bodies import QueueData, TopicConfig

MOST_NAMES: Final = 50
"""Topics that are named in one line."""


class TopicChangeLog:
    """Begun before the topics of `configs` are stored; `note` logs what changed."""

    def __init__(
        self,
        tables: RouteTables,
        data: BrokerData,
        configs: Mapping[str, TopicConfig],
        outbox: Outbox,
    ) -> None:
        self._tables = tables
        self._data = data
        self._outbox = outbox
        self._counts = self._count()
        self._before: dict[str, QueueData | None] = {}
        if outbox.is_debugging:
            topics = (config.topic_name for config in configs.values())
            self._before = {topic: self._queue(topic) for topic in topics if topic}

    def note(self, address: str | None) -> None:
        """Log what is different now."""
        counts = self._count()
        if counts == self._counts:
            return
        changes = [now - was for now, was in zip(counts, self._counts, strict=True)]
        added, changed, removed, mapped = changes
        self._outbox.info(
            "topics of a broker changed",
            broker=self._data.broker_name,
            address=address,
            added=added,
            changed=changed,
            removed=removed,
            mapped=mapped,
        )
        if self._before:
            self._name(address)

    def _count(self) -> tuple[int, int, int, int]:
        data = self._data
        return (
            data.queues_added,
            data.queues_changed,
            data.queues_removed,
            data.mapping_changes,
        )

    def _queue(self, topic: str) -> QueueData | None:
        entry = self._tables.topic_queue_table.get(topic)
        return entry.queues.get(self._data.broker_name) if entry is not None else None

    def _name(self, address: str | None) -> None:
        """Some of the topics, and how many more there are."""
        before = self._before
        names = [topic for topic in before if self._queue(topic) != before[topic]]
        self._outbox.debug(
            "topics that a broker added or changed",
            broker=self._data.broker_name,
            address=address,
            topics=names[:MOST_NAMES],
            more=max(0, len(names) - MOST_NAMES),
        )

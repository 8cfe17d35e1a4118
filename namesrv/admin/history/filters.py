"""Which events are wanted: by topic, broker, type and date."""

from typing import Final

from msgspec import UNSET, UnsetType

from namesrv.admin.history.facts import EventFacts, names_of
from namesrv.errors import HttpRefused
from namesrv.misspellings import similar_names
from namesrv.routing import events
from namesrv.routing.events import Event
from namesrv.routing.history.record import Record, name_bytes

_SHOWN: Final = 100


def _is_type(value: object) -> bool:
    """Whether it is a class of events that no other class makes more precise."""
    return (
        isinstance(value, type)
        and issubclass(value, Event)
        and not any(
            issubclass(other, value) and other is not value
            for other in vars(events).values()
            if isinstance(other, type)
        )
    )


EVENT_TYPES: Final = tuple(
    name for name, value in vars(events).items() if _is_type(value)
)
"""The types of events, as records name them."""


class Filter:
    """Wanted events; a part that is UNSET or None lets all pass. Raises HttpRefused
    (400) for an unknown type."""

    def __init__(
        self,
        topic: str | UnsetType = UNSET,
        broker: str | UnsetType = UNSET,
        types: str | UnsetType = UNSET,
        since_millis: int | None = None,
    ) -> None:
        self._topic = topic
        self._broker = broker
        self._types = None if types is UNSET else read_types(types)
        self._since_millis = since_millis
        names = [name for name in (topic, broker) if name is not UNSET]
        self._bytes = [name_bytes(name) for name in names]

    def may_have(self, record: Record) -> bool:
        """Whether a record may be wanted, without reading its content."""
        since = self._since_millis
        if since is not None and record.wall_millis < since:
            return False
        return all(map(record.mentions, self._bytes))

    def has(self, facts: EventFacts) -> bool:
        """Whether an event is wanted whose record may be."""
        if self._types is not None and facts.type not in self._types:
            return False
        if self._topic is not UNSET and not _is_about_topic(facts, self._topic):
            return False
        return self._broker is UNSET or _is_about_broker(facts, self._broker)


def read_types(text: str) -> frozenset[str]:
    """Types of events, joined by commas. Raises HttpRefused (400)."""
    names = frozenset(name.strip() for name in text.split(","))
    for name in sorted(names - set(EVENT_TYPES)):
        shown = name[:_SHOWN]
        expected = f"some of {', '.join(EVENT_TYPES)}, joined by commas"
        raise HttpRefused(
            400,
            f"there is no type {shown!r} of events, expected {expected}",
            errors=[{"path": "$.type", "expected": expected}],
            similar=similar_names(shown, EVENT_TYPES),
        )
    return names


def _is_about_topic(facts: EventFacts, topic: str) -> bool:
    return facts.topic == topic or topic in names_of(facts.topics)


def _is_about_broker(facts: EventFacts, broker: str) -> bool:
    names = facts.broker, facts.address, facts.replaces, facts.replaced_by
    if broker in names:
        return True
    return facts.brokers is not UNSET and broker in facts.brokers

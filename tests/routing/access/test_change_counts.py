"""Counts of events."""

from typing import get_args

from namesrv.routing import events
from namesrv.routing.access import change_counts
from namesrv.routing.access.change_counts import Change
from namesrv.routing.events import (
    BrokerEvent,
    BrokerRemoved,
    Event,
    PeerEvent,
    TopicAskedInVain,
    TopicEvent,
)

ABSTRACT = {Event, BrokerEvent, BrokerRemoved, PeerEvent, TopicEvent}
BY_FACTS = {"lease ended", "expired", "key put", "key deleted"} | {
    "write permission added",
    "write permission wiped",
}


def concrete() -> set[type[Event]]:
    """All classes of events that a change puts."""
    found = {
        kind
        for kind in vars(events).values()
        if isinstance(kind, type) and issubclass(kind, Event)
    }
    return found - ABSTRACT - {TopicAskedInVain}


def test_every_class_of_events_is_counted() -> None:
    by_class = set(change_counts._BY_CLASS)
    others = {events.BrokerExpired, events.PermissionChanged, events.KvChanged}
    assert by_class | others == concrete()
    assert by_class & others == set()


def test_every_change_has_one_name() -> None:
    names = list(change_counts._BY_CLASS.values())
    assert len(set(names)) == len(names)
    assert set(names) | BY_FACTS == set(get_args(Change))

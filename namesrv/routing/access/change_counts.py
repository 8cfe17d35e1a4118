"""Counts events by their kind: the changes of routes and settings."""

from collections import Counter
from typing import Final, Literal, TypeAlias

from namesrv.routing.events import (
    BrokerChanged,
    BrokerDisconnected,
    BrokerExpired,
    BrokerRegistered,
    BrokerReplaced,
    BrokerUnregistered,
    CauseKind,
    ConfigChanged,
    Event,
    KvChanged,
    LeftoverRemoved,
    PeerAgreed,
    PeerDisagreed,
    PermissionChanged,
    TopicAdded,
    TopicAskedInVain,
    TopicChanged,
    TopicRemoved,
)

Change: TypeAlias = Literal[
    "registered",
    "changed",
    "unregistered",
    "disconnected",
    "replaced",
    "expired",
    "lease ended",
    "leftover removed",
    "topic added",
    "topic changed",
    "topic removed",
    "write permission added",
    "write permission wiped",
    "key put",
    "key deleted",
    "option changed",
    "peer disagreed",
    "peer agreed",
]

_BY_CLASS: Final[dict[type[Event], Change]] = {
    BrokerRegistered: "registered",
    BrokerChanged: "changed",
    BrokerUnregistered: "unregistered",
    BrokerDisconnected: "disconnected",
    BrokerReplaced: "replaced",
    LeftoverRemoved: "leftover removed",
    TopicAdded: "topic added",
    TopicChanged: "topic changed",
    TopicRemoved: "topic removed",
    ConfigChanged: "option changed",
    PeerDisagreed: "peer disagreed",
    PeerAgreed: "peer agreed",
}


class ChangeCounts:
    """A sink of events; `counts` has the number of each change."""

    def __init__(self) -> None:
        self.counts: Counter[Change] = Counter()

    def __call__(self, event: Event) -> None:
        """Count one event, if it is a change."""
        if isinstance(event, TopicAskedInVain):
            return
        self.counts[_change_of(event)] += 1


def _change_of(event: Event) -> Change:
    match event:
        case BrokerExpired():
            is_lease = event.cause.kind == CauseKind.LEASE
            return "lease ended" if is_lease else "expired"
        case PermissionChanged():
            if event.is_writable:
                return "write permission added"
            return "write permission wiped"
        case KvChanged():
            return "key deleted" if event.is_deleted else "key put"
        case _:
            return _BY_CLASS[type(event)]

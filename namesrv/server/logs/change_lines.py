"""The log as a sink of events: each event is one line.

Phrases and fields: docs/protocol.md section 4.8.
"""

import logging
from collections.abc import Callable, Sequence
from itertools import chain, islice
from typing import Final

from namesrv.routing.events import (
    BrokerChanged,
    BrokerDisconnected,
    BrokerExpired,
    BrokerRegistered,
    BrokerRemoved,
    BrokerReplaced,
    BrokerUnregistered,
    Cause,
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
    TopicChanges,
    TopicEvent,
    TopicRemoved,
)
from namesrv.routing.outbox import BURST, BURST_OF_BROKERS, LogEvent

MOST_NAMES: Final = 50
"""Topics that one line names."""
_MOST_BROKERS: Final = 20
_MOST_SENTENCES: Final = 3

Fields = dict[str, object]


class ChangeLines:
    """A sink that gives a line for each event to `log`; lines name topics while
    `is_debugging` is true."""

    def __init__(
        self, log: Callable[[LogEvent], None], is_debugging: Callable[[], bool]
    ) -> None:
        self._log = log
        self._is_debugging = is_debugging

    def __call__(self, event: Event) -> None:
        """Log it."""
        line = line_of(event)
        topics = getattr(event, "topics", None)
        if isinstance(topics, TopicChanges) and self._is_debugging():
            line.fields.update(_names(topics))
        self._log(line)


def line_of(event: Event) -> LogEvent:
    """The line of one event; topics that a broker brought or took are counted."""
    match event:
        case BrokerRegistered():
            phrase, fields = "new broker registered", _registered(event)
        case BrokerChanged():
            phrase, fields = _phrase_of_change(event), _changed(event)
        case BrokerReplaced():
            phrase = "broker replaced by another address"
            fields = {**_identity(event), "replaced_by": event.replaced_by}
        case BrokerRemoved():
            phrase, fields = _phrase_of_removal(event), _removed(event)
        case LeftoverRemoved():
            phrase, fields = "leftover of a broker removed", _leftover(event)
        case TopicEvent():
            phrase, fields = _topic(event)
        case PermissionChanged():
            done = "added" if event.is_writable else "wiped"
            phrase = f"write permission {done}"
            fields = {"broker": event.broker, "topics": len(event.topics)}
        case KvChanged():
            done = "deleted" if event.is_deleted else "put"
            phrase = f"KV configuration {done}"
            fields = {"namespace": event.namespace, "key": event.key}
        case ConfigChanged():
            phrase = "configuration changed"
            fields = {"key": event.option, "old": event.old, "new": event.new}
        case TopicAskedInVain():
            phrase = "topic asked for in vain"
            fields = {
                "topic": event.topic,
                "language": event.language,
                "version": event.version,
            }
        case PeerDisagreed():
            phrase = "a peer has other routes"
            fields = {
                "peer": event.address,
                "differences": event.count,
                "first": "; ".join(event.sentences[:_MOST_SENTENCES]),
            }
        case PeerAgreed():
            phrase = "a peer has the same routes again"
            fields = {"peer": event.address}
        case _:
            raise TypeError(f"{type(event).__name__} has no line")
    fields |= _origin(event.cause)
    return _line(event, phrase, fields)


def _line(event: Event, phrase: str, fields: Fields) -> LogEvent:
    is_bad = isinstance(event, BrokerExpired | PeerDisagreed)
    level = logging.WARNING if is_bad else logging.INFO
    if event.cause.kind == CauseKind.RELOAD:
        return LogEvent(level, phrase, fields, peer_caused=False)
    is_of_broker = isinstance(event, (BrokerRegistered, BrokerChanged, BrokerReplaced))
    is_of_broker = is_of_broker or isinstance(event, BrokerRemoved)
    burst = BURST_OF_BROKERS if is_of_broker else BURST
    return LogEvent(level, phrase, fields, burst=burst)


def _origin(cause: Cause) -> Fields:
    if cause.kind == CauseKind.RELOAD:
        return {"by": "SIGHUP"}
    return {} if cause.peer is None else {"remote": cause.peer}


def _identity(
    event: BrokerRegistered | BrokerChanged | BrokerReplaced | BrokerRemoved,
) -> Fields:
    return {
        "cluster": event.cluster,
        "broker": event.broker,
        "address": event.address,
    }


def _counts(topics: TopicChanges) -> Fields:
    return {
        "added": len(topics.added),
        "changed": len(topics.changed),
        "removed": len(topics.removed),
        "mapped": len(topics.mapped),
    }


def _registered(event: BrokerRegistered) -> Fields:
    return {
        **_identity(event),
        "id": event.broker_id,
        "ha": event.ha_address,
        "replaces": event.replaces,
        **_counts(event.topics),
    }


def _phrase_of_change(event: BrokerChanged) -> str:
    return "topics of a broker changed" if event.topics else "broker changed"


def _changed(event: BrokerChanged) -> Fields:
    fields = _identity(event) | {"id": event.broker_id}
    if event.parts:
        fields["parts"] = ",".join(event.parts)
    if event.replaces is not None:
        fields["replaces"] = event.replaces
    return fields | _counts(event.topics) if event.topics else fields


def _phrase_of_removal(event: BrokerRemoved) -> str:
    match event:
        case BrokerExpired() if event.cause.kind == CauseKind.LEASE:
            return "broker of the last run did not come back"
        case BrokerExpired():
            return "broker expired"
        case BrokerDisconnected():
            return "connection of a broker closed"
        case BrokerUnregistered():
            return "broker unregistered"
    raise TypeError(f"{type(event).__name__} has no line")


def _removed(event: BrokerRemoved) -> Fields:
    fields = _identity(event) | {
        "ids": ",".join(map(str, event.broker_ids)),
        "was_live": event.was_live,
        "topics": len(event.topics.removed),
    }
    if event.registered_in is not None:
        fields["registered_in"] = event.registered_in
    if event.is_read_only:
        fields["read_only_topics"] = len(event.topics.changed)
    if event.cause.kind == CauseKind.EXPIRY:
        fields["timeout_millis"] = event.timeout_millis
        fields["silent_millis"] = event.silent_millis
    return fields


def _leftover(event: LeftoverRemoved) -> Fields:
    fields: Fields = {"broker": event.broker}
    if event.cluster is not None:
        fields["cluster"] = event.cluster
    if event.broker_ids:
        fields["ids"] = ",".join(map(str, event.broker_ids))
    topics = event.topics
    return fields | {"topics": len(topics.removed), "mappings": len(topics.mapped)}


def _topic(event: TopicEvent) -> tuple[str, Fields]:
    fields: Fields = {"topic": event.topic}
    match event:
        case TopicRemoved():
            phrase = "topic deleted"
            if event.cluster is not None:
                fields["cluster"] = event.cluster
        case TopicChanged():
            phrase = "topic changed"
        case TopicAdded():
            phrase = "topic registered"
        case _:
            raise TypeError(f"{type(event).__name__} has no line")
    return phrase, fields | {"brokers": _brokers_text(event.brokers)}


def _brokers_text(names: Sequence[str]) -> str:
    """Names of brokers, some of many."""
    shown = ",".join(sorted(names[:_MOST_BROKERS]))
    return shown if len(names) <= _MOST_BROKERS else f"{shown},... ({len(names)})"


def _names(topics: TopicChanges) -> Fields:
    """Some of the topics, and how many more there are."""
    lists = topics.added, topics.changed, topics.removed, topics.mapped
    names = list(islice(chain(*lists), MOST_NAMES))
    return {"names": names, "more": sum(map(len, lists)) - len(names)}

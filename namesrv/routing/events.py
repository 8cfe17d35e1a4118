"""Events: changes of routes and settings, typed, each reported once, and topics that
clients asked for in vain.

The function that changes a table puts the event, and nothing else does. A registration
puts one event, however many topics it brings; a request that changes nothing puts none.
So "this request changed something" means "it put an event" (`Cause.event_count`).

An event travels in the outbox, in order with answers and log lines. The server that
empties the outbox publishes it to the sinks of the stream, such as the log and the
history (`EventStream.add`). Names in an event are the texts that the tables have, so
that an event about ten thousand topics holds references. Nobody changes an event or its
lists.

Events are a `Struct` each, because a dataclass takes half a millisecond of each start.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct


class CauseKind(StrEnum):
    """Why a table changed."""

    REQUEST = "request"
    """A peer asked for it; with `request_code`."""
    HTTP = "HTTP request"
    """The same over HTTP; with the `request_code` of the same request."""
    CONNECTION = "closed connection"
    EXPIRY = "expiry"
    """A broker was silent for longer than its timeout."""
    LEASE = "lease"
    """A broker of the last run did not come back in time."""
    LEFTOVER = "leftover"
    """No live broker had registered it any more."""
    RELOAD = "reload"
    """SIGHUP: the sources of the options were read again."""
    COMPARISON = "comparison"
    """A peer of the option `peers` was compared with this server."""


class Cause(Struct):
    """Why a table changes, and for whom; one object for each request, expiry or close.

    `peer` is the `host:port` of the peer, `proxy` that of the proxy which named it;
    `request_code` is 0 unless the kind is REQUEST or HTTP. `event_count` is the number
    of events that it has put so far.
    """

    kind: CauseKind
    request_code: int = 0
    peer: str | None = None
    proxy: str | None = None
    event_count: int = 0


class TopicChanges(Struct):
    """Topics in which the entry of one group changed, by the fate of the entry.

    `mapped` are static topics with another mapping. A topic may be named twice if the
    work changed it twice. Functions that change tables add to it while work goes on;
    afterwards it belongs to the event.
    """

    added: list[str] = []
    changed: list[str] = []
    removed: list[str] = []
    mapped: list[str] = []

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed or self.mapped)


class Event(Struct, frozen=True):
    """One change. `wall_millis` is the date in milliseconds, for people and files only:
    events are in the order of the stream, and the date may be set back."""

    wall_millis: int
    cause: Cause


class BrokerEvent(Event, frozen=True):
    """A change of one broker, named as it named itself.

    `epoch` is that of the registration which the event is about
    (`BrokerLiveInfo.epoch`), 0 if the broker has no live entry. A later event with a
    lower epoch is about an older registration.
    """

    cluster: str
    broker: str | None
    address: str | None
    epoch: int


class BrokerRegistered(BrokerEvent, frozen=True):
    """A broker that was not live is live now. `replaces` is the address that had its
    id before, if that was another one. `had_address` is true if its group had this
    address under this id already; `former_ids` are other ids that the address had."""

    broker_id: int
    ha_address: str | None
    replaces: str | None
    topics: TopicChanges
    had_address: bool | None = None
    former_ids: tuple[int, ...] | None = None


class BrokerChanged(BrokerEvent, frozen=True):
    """A registration changed something of a broker or its group, also one that was
    refused half-way.

    `parts` names the parts that differ, in the order of the change: "cluster", "group",
    "id", "acting master", "zone", "address", "version", "timeout", "ha address",
    "name", "connection", "filter servers". `former_ids` are other ids that the address
    had.
    """

    broker_id: int
    parts: tuple[str, ...]
    replaces: str | None
    topics: TopicChanges
    former_ids: tuple[int, ...] | None = None


class BrokerReplaced(BrokerEvent, frozen=True):
    """A live broker is gone, because `replaced_by` has its id now."""

    replaced_by: str | None


class BrokerRemoved(BrokerEvent, frozen=True):
    """A broker is gone; the subclass names the reason.

    `broker_ids` are those that its address had in the group; `was_live` is whether it
    had a live entry, and `silent_millis` how long ago that was heard from (None without
    one, and for a lease). `registered_in` names the cluster in which the same broker is
    still live, so that its address stays. `is_group_gone` is whether it was the last
    of its group. `topics` has the entries that went with it, and those that became
    read-only because an acting group lost its master (`is_read_only`).
    """

    broker_ids: tuple[int, ...]
    was_live: bool
    timeout_millis: int | None
    silent_millis: int | None
    registered_in: str | None
    is_group_gone: bool
    is_read_only: bool
    topics: TopicChanges


class BrokerUnregistered(BrokerRemoved, frozen=True):
    """The broker asked for it (104)."""


class BrokerExpired(BrokerRemoved, frozen=True):
    """It was silent for too long. The cause is EXPIRY, or LEASE for a broker of the
    last run that did not come back."""


class BrokerDisconnected(BrokerRemoved, frozen=True):
    """The connection on which it registered last is closed."""


class LeftoverRemoved(Event, frozen=True):
    """Something that no live broker registers was removed: the name of a group from
    `cluster`, an `address` with its ids from a group, or the group and its topics."""

    broker: str | None
    cluster: str | None
    broker_ids: tuple[int, ...]
    is_group_gone: bool
    topics: TopicChanges
    address: str | None = None


class TopicEvent(Event, frozen=True):
    """An operator changed one topic in the groups `brokers`."""

    topic: str
    brokers: Sequence[str]


class TopicAdded(TopicEvent, frozen=True):
    """A topic that was unknown (217)."""


class TopicChanged(TopicEvent, frozen=True):
    """A known topic, which has other entries now (217). `new_on` are those of its
    groups that had none before."""

    new_on: Sequence[str] | None = None


class TopicRemoved(TopicEvent, frozen=True):
    """Its entries were removed (216): all, or those of one `cluster`."""

    cluster: str | None


class PermissionChanged(Event, frozen=True):
    """An operator wiped (205) or added (327) the write permission of a group;
    `topics` are those whose permission differs now."""

    broker: str
    is_writable: bool
    topics: Sequence[str]


class KvChanged(Event, frozen=True):
    """A key of the KV table has another value, or none. The value is not in it: it may
    be secret."""

    namespace: str
    key: str
    is_deleted: bool


class ConfigChanged(Event, frozen=True):
    """An option has another value; both as they are shown, secrets left out."""

    option: str
    old: object
    new: object


class TopicAskedInVain(Event, frozen=True):
    """A client asked for a topic without a route. The cause has its address; `language`
    is the name of its language, `version` its remoting version. It is no change.
    There is one for the first lookup that was seen of a topic (`history/missing.py`),
    and not for each topic if there are very many."""

    topic: str
    language: str | None
    version: int


class PeerEvent(Event, frozen=True):
    """No table changed here: the comparison with another NameServer, `address`, has
    another result."""

    address: str


class PeerDisagreed(PeerEvent, frozen=True):
    """Differences have lasted for longer than two heartbeats of brokers: `count` of
    them, the first ones as `sentences`."""

    count: int
    sentences: Sequence[str]


class PeerAgreed(PeerEvent, frozen=True):
    """A peer that disagreed has no such difference any more."""


Sink: TypeAlias = Callable[[Event], None]


class EventStream:
    """The one stream of events. `put` adds an effect to the outbox; `wall_millis` gives
    the date in milliseconds."""

    def __init__(
        self, put: Callable[[Event], None], wall_millis: Callable[[], int]
    ) -> None:
        self._put = put
        self._sinks: list[Sink] = []
        self.wall_millis = wall_millis

    def add(self, sink: Sink) -> None:
        """Call `sink` with every event from now on, after those that were added before.

        The loop calls it, so it must not wait: it takes its part of the event
        and gives slow work, such as a write, to a thread.
        """
        self._sinks.append(sink)

    def put(self, event: Event) -> None:
        """Report a change, from the function that made it."""
        event.cause.event_count += 1
        self._put(event)

    def publish(
        self, event: Event, on_failure: Callable[[Sink, Exception], None]
    ) -> None:
        """Give an event of the outbox to all sinks. A sink that raises costs the
        others nothing; `on_failure` is called for it."""
        for sink in self._sinks:
            try:
                sink(event)
            except Exception as error:
                on_failure(sink, error)

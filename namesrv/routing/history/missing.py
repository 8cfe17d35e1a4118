"""Topics that clients ask for (105) and that have no route: how often, since when, and
who asks.

The hot path answers such lookups and keeps a few of them in each tick, evenly spread
over as many as the last tick had (`HotPath.sample_unknown`). A tick takes these
samples; each stands for its part of the lookups since the tick before. With few lookups
each one is a sample, and counts are exact. Of the lookups that the processor answers,
the first ones of each tick are samples. Lookups by our own tools and by peers that
compare have a mark (`TOOL`), and count for no topic.

The table is bounded. A topic that was seen once may leave for any new name; one that
was seen again leaves only for others that were. So a peer that asks for random names
cannot push out a topic that clients keep asking for.
"""

from collections import OrderedDict, deque
from collections.abc import Container, Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple

from namesrv._impl import HotPath
from namesrv.codes import PING_TOPIC, TOOL, LanguageCode, RequestCode
from namesrv.routing.access.request import Request
from namesrv.routing.events import Cause, CauseKind, EventStream, TopicAskedInVain
from namesrv.routing.tables.route_tables import RouteTables
from namesrv.wire.command import RemotingCommand, decode_command

SAMPLES: Final = 8
"""Lookups of a tick that are samples, at most."""
MOST_SEEN_ONCE: Final = 256
MOST_SEEN_AGAIN: Final = 768
MOST_ASKERS: Final = 8
"""Askers that a topic has, the last ones."""
KEPT_MILLIS: Final = 86_400_000
"""A topic that nobody has asked for in this time leaves the table."""
LONGEST_NAME: Final = 255
"""Characters of a name; Java's clients refuse longer names of topics."""
_LONGEST_HEADER_BYTES: Final = 4096
"""Longer headers are not read in full: it would take too long for a tick."""
_NEAREST_MILLIS: Final = 60_000
_EVENTS: Final = 20
_EVENTS_MILLIS: Final = 60_000
"""In this time there are at most so many events."""

Client = tuple[str, str | None, int]
"""Host, language and version."""


class Asker(NamedTuple):
    """A client: the `host:port` of its last lookup, the name of its language (None if
    unknown), its remoting version, and the date of that lookup in milliseconds."""

    address: str
    language: str | None
    version: int
    last_millis: int


class MissingTopic:
    """One topic: an estimate of its lookups, dates of the first and the last one in
    milliseconds, and its last askers by client, the latest at the end. `last_ms` is
    the time of the last lookup, `nearest` the existing topic that was probably meant,
    as it was noted last."""

    __slots__ = (
        "_noted_changes",
        "_noted_ms",
        "askers",
        "count",
        "first_millis",
        "last_millis",
        "last_ms",
        "nearest",
        "topic",
    )

    def __init__(self, topic: str, millis: int) -> None:
        self.topic = topic
        self.count = 0.0
        self.first_millis = self.last_millis = millis
        self.last_ms = 0
        self.nearest: str | None = None
        self._noted_ms: int | None = None
        self._noted_changes = 0
        self.askers: dict[Client, Asker] = {}

    def note(self, lookup: "_Lookup", count: float, millis: int, now_ms: int) -> None:
        """A lookup that stands for `count` of them."""
        self.count += count
        self.last_millis = millis
        self.last_ms = now_ms
        host = lookup.address.rpartition(":")[0]
        client = host, lookup.language, lookup.version
        self.askers.pop(client, None)
        self.askers[client] = Asker(lookup.address, *client[1:], millis)
        if len(self.askers) > MOST_ASKERS:
            del self.askers[next(iter(self.askers))]

    def note_nearest(self, name: str | None, changes: int, now_ms: int) -> None:
        """The existing topic that was probably meant, None for none; `changes` are
        those of the tables so far."""
        self.nearest, self._noted_ms, self._noted_changes = name, now_ms, changes

    def knows_nearest(self, known: Container[str], changes: int, now_ms: int) -> bool:
        """Whether it was noted lately, and still exists; that there is none holds until
        the tables change."""
        if self._noted_ms is None or now_ms - self._noted_ms >= _NEAREST_MILLIS:
            return False
        if self.nearest is None:
            return self._noted_changes == changes
        return self.nearest in known


class _Lookup(NamedTuple):
    topic: str
    address: str
    language: str | None
    version: int
    is_tool: bool


class MissingTopics:
    """The topics that were asked for in vain. `found` counts topics that came into the
    table, `dropped` those that it had no room for any more, `lookups` all lookups of
    clients in vain, as an estimate."""

    def __init__(self, tables: RouteTables, hot: HotPath, events: EventStream) -> None:
        self._tables = tables
        self._hot = hot
        self._events = events
        self._seen_once: OrderedDict[str, MissingTopic] = OrderedDict()
        self._seen_again: OrderedDict[str, MissingTopic] = OrderedDict()
        self._counted = 0
        self._cold: list[_Lookup] = []
        self._cold_lookups = 0
        self._changes = tables.changes
        self._event_times: deque[int] = deque(maxlen=_EVENTS)
        self.found = self.dropped = 0
        self.lookups = 0.0
        hot.sample_unknown(SAMPLES, 1)

    def __len__(self) -> int:
        return len(self._seen_once) + len(self._seen_again)

    def __iter__(self) -> Iterator[MissingTopic]:
        """All topics, in no order."""
        return chain(self._seen_once.values(), self._seen_again.values())

    def find(self, topic: str) -> MissingTopic | None:
        """The entry of a topic."""
        return self._seen_again.get(topic) or self._seen_once.get(topic)

    def note(self, request: Request, topic: str) -> None:
        """The processor has answered that the topic has no route. People who ask over
        HTTP are no clients."""
        if request.is_http:
            return
        self._cold_lookups += 1
        if len(self._cold) < SAMPLES:
            command, address = request.command, request.remote_address
            self._cold.append(_lookup(command, topic, address))

    def asked_since(self, since_ms: int) -> int:
        """The number of topics that were asked for since then."""
        return sum(one.last_ms >= since_ms for one in self)

    def tick(self, now_ms: int) -> None:
        """Take the samples since the last tick."""
        for entries in (self._seen_once, self._seen_again):
            self._forget_old(entries, now_ms - KEPT_MILLIS)
        if self._changes != self._tables.changes:
            self._changes = self._tables.changes
            self._forget_known()
        self._take_cold(now_ms)
        self._take_hot(now_ms)

    def _take_cold(self, now_ms: int) -> None:
        if self._cold:
            lookups, self._cold = self._cold, []
            count, self._cold_lookups = self._cold_lookups, 0
            self._add(lookups, count, now_ms)

    def _take_hot(self, now_ms: int) -> None:
        unknown = self._tables.route_answers.unknown
        lookups = unknown - self._counted
        if not lookups:
            return
        self._counted = unknown
        found: list[_Lookup] = []
        for serialize_type, header, address in self._hot.take_samples():
            if len(header) > _LONGEST_HEADER_BYTES:
                continue
            command = decode_command(serialize_type, header, None)
            topic = (command.ext_fields or {}).get("topic") or ""
            found.append(_lookup(command, topic, address))
        self._add(found, lookups, now_ms)
        # The stride is odd, because a client may send the same 16 lookups again and
        # again.
        self._hot.sample_unknown(SAMPLES, lookups // SAMPLES | 1)

    def _add(self, lookups: Sequence[_Lookup], count: int, now_ms: int) -> None:
        """Samples that stand for `count` lookups."""
        millis = self._events.wall_millis()
        for lookup in lookups:
            topic = lookup.topic
            if lookup.is_tool or topic == PING_TOPIC:
                continue
            if topic in self._tables.topic_queue_table:
                continue
            entry = self._again(topic) or self._new(lookup, millis, now_ms)
            entry.note(lookup, count / len(lookups), millis, now_ms)
            self.lookups += count / len(lookups)

    def _again(self, topic: str) -> MissingTopic | None:
        """The entry of a topic that was seen before."""
        entry = self._seen_again.get(topic)
        if entry is not None:
            self._seen_again.move_to_end(topic)
            return entry
        entry = self._seen_once.pop(topic, None)
        if entry is not None:
            self._seen_again[topic] = entry
            self._bound(self._seen_again, MOST_SEEN_AGAIN)
        return entry

    def _new(self, lookup: _Lookup, millis: int, now_ms: int) -> MissingTopic:
        entry = MissingTopic(lookup.topic, millis)
        self._seen_once[lookup.topic] = entry
        self._bound(self._seen_once, MOST_SEEN_ONCE)
        self.found += 1
        times = self._event_times
        if len(times) < _EVENTS or now_ms - times[0] >= _EVENTS_MILLIS:
            times.append(now_ms)
            code = RequestCode.GET_ROUTEINFO_BY_TOPIC
            cause = Cause(CauseKind.REQUEST, code, lookup.address)
            self._events.put(
                TopicAskedInVain(
                    millis, cause, lookup.topic, lookup.language, lookup.version
                )
            )
        return entry

    def _bound(self, entries: OrderedDict[str, MissingTopic], most: int) -> None:
        if len(entries) > most:
            entries.popitem(last=False)
            self.dropped += 1

    def _forget_old(
        self, entries: OrderedDict[str, MissingTopic], before_ms: int
    ) -> None:
        """Entries are in the order of their last lookups."""
        while entries:
            oldest = next(iter(entries.values()))
            if oldest.last_ms >= before_ms:
                return
            del entries[oldest.topic]

    def _forget_known(self) -> None:
        """Topics that have a route by now are missing no more."""
        known = self._tables.topic_queue_table
        for entries in (self._seen_once, self._seen_again):
            for topic in [topic for topic in entries if topic in known]:
                del entries[topic]


def _lookup(command: RemotingCommand, topic: str, address: str) -> _Lookup:
    if len(topic) > LONGEST_NAME:
        topic = f"{topic[:LONGEST_NAME]}..."
    # JSON may hold half of a surrogate pair, which no answer of ours can.
    name = topic.encode("utf-8", "replace").decode()
    is_tool = (command.ext_fields or {}).get(TOOL) is not None
    return _Lookup(name, address, _name(command.language), command.version, is_tool)


def _name(language: LanguageCode | None) -> str | None:
    return None if language is None else language.name

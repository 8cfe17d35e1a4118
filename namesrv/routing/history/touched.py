"""Entries that events changed: as they were before the first one, and after the last.

An entry is a topic on a broker group, or an address under an id of a group. From the
entries of now and those that later events changed follow the entries of a moment.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from namesrv.work import Cost, Steps, batches

Facts = Mapping[str, Any]
_MOST_ENTRIES: Final = 4096
"""Entries of topics, after which some are left for another page: putting them in order
takes a millisecond."""
_LEFT_OUT: Final = ("topics_left_out", "brokers_left_out", "new_on_left_out")


class TopicsChange(NamedTuple):
    """Topics on broker groups, each of them on each group."""

    topics: Sequence[str]
    brokers: Sequence[str]
    before: bool
    after: bool


class AddressChange(NamedTuple):
    """An address under an id of a group, None for no address."""

    broker: str
    broker_id: int
    before: str | None
    after: str | None
    cluster: str | None


def topics_changes(facts: Facts) -> Iterator[TopicsChange]:
    """The topics that an event brought, changed or took."""
    kind = facts["type"]
    if kind == "PermissionChanged":
        yield TopicsChange(facts.get("topics", ()), [facts["broker"]], True, True)
    elif "topic" in facts and "brokers" in facts:
        names, is_removed = facts["brokers"], kind == "TopicRemoved"
        new = names if kind == "TopicAdded" else facts.get("new_on", ())
        are_new = set(new)
        old = [name for name in names if name not in are_new]
        yield TopicsChange([facts["topic"]], new, False, True)
        yield TopicsChange([facts["topic"]], old, True, not is_removed)
    elif isinstance(topics := facts.get("topics"), Mapping):
        brokers = [facts.get("broker") or ""]
        yield TopicsChange(topics.get("added", ()), brokers, False, True)
        yield TopicsChange(topics.get("changed", ()), brokers, True, True)
        yield TopicsChange(topics.get("removed", ()), brokers, True, False)


def address_changes(facts: Facts) -> Iterator[AddressChange]:
    """The addresses that an event brought, moved or took."""
    broker, address = facts.get("broker"), facts.get("address")
    if broker is None or address is None:
        return
    cluster = facts.get("cluster")
    for gone in (*facts.get("broker_ids", ()), *facts.get("former_ids", ())):
        yield AddressChange(broker, gone, address, None, cluster)
    is_new = facts["type"] == "BrokerRegistered" and not facts.get("had_address")
    if is_new or "address" in facts.get("parts", ()):
        before = facts.get("replaces")
        yield AddressChange(broker, facts["broker_id"], before, address, cluster)


def is_incomplete(facts: Facts) -> bool:
    """Whether the record of an event had no room for some names."""
    return any(name in facts for name in _LEFT_OUT)


class Window:
    """The names that are wanted: those after one, with a prefix, or just one.

    `end` is the last one that can be had; names behind it are for another page.
    """

    def __init__(self, after: str = "", prefix: str = "", only: str | None = None):
        self.after = after
        self.prefix = prefix
        self.only = only
        self.end: str | None = None

    def has(self, name: str) -> bool:
        """Whether a name is in it."""
        if self.only is not None:
            return name == self.only
        if name <= self.after or not name.startswith(self.prefix):
            return False
        return self.end is None or name <= self.end


class Touched:
    """Entries that events changed, of the names in two windows.

    `topics` has before and after for each topic and group, and `addresses` for each
    group and id; `changed` are the topics with other queues on a group. `clusters` has
    the cluster of a group as the first event named it. `number` is that of the last
    event. `is_complete` is false once a record had no room for names.
    """

    def __init__(self, topics: Window, brokers: Window) -> None:
        self._topic_window = topics
        self._broker_window = brokers
        self.topics: dict[str, dict[str, tuple[bool, bool]]] = {}
        self.addresses: dict[str, dict[int, tuple[str | None, str | None]]] = {}
        self.clusters: dict[str, str] = {}
        self.is_complete = True
        self.number = 0
        self._entries = 0

    def add(self, facts: Facts) -> Steps[None]:
        """Take one more event, in their order."""
        self.number = facts["number"]
        if is_incomplete(facts):
            self.is_complete = False
        for change in topics_changes(facts):
            for some in batches(change.topics, Cost.TOPIC):
                self._add_topics(some, change)
                yield len(some) * Cost.TOPIC
        for moved in address_changes(facts):
            self._add_address(moved)

    def _add_topics(self, topics: Sequence[str], change: TopicsChange) -> None:
        has = self._topic_window.has
        for topic in topics:
            if not has(topic):
                continue
            groups = self.topics.setdefault(topic, {})
            for broker in change.brokers:
                before, _ = groups.get(broker, (change.before, None))
                groups[broker] = before, change.after
                self._entries += 1
        if self._entries > _MOST_ENTRIES:
            self._shrink()

    def _add_address(self, change: AddressChange) -> None:
        if not self._broker_window.has(change.broker):
            return
        ids = self.addresses.setdefault(change.broker, {})
        before, _ = ids.get(change.broker_id, (change.before, None))
        ids[change.broker_id] = before, change.after
        if change.cluster is not None:
            self.clusters.setdefault(change.broker, change.cluster)

    def _shrink(self) -> None:
        """Keep the first half of the topics, and leave the others for another page."""
        kept = sorted(self.topics)[: max(len(self.topics) // 2, 1)]
        self.topics = {name: self.topics[name] for name in kept}
        self._topic_window.end = kept[-1]
        self._entries = sum(map(len, self.topics.values()))

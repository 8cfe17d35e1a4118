"""The events of this run that name a topic or a broker group, newest first.

A record is searched for the bytes of the name, and decoded only if it has them. The
events are judged from the newest to the oldest: the first one that removed an entry
is the reason why it is gone, if the tables do not have it.
"""

from collections.abc import Callable, Collection, Container
from itertools import islice
from typing import Final

from namesrv.routing.events import CauseKind
from namesrv.routing.history.explain.evidence import Facts, Past, Removal, Wipe
from namesrv.routing.history.record import (
    Record,
    name_bytes,
    packed,
    with_numbers,
)
from namesrv.routing.history.ring import History
from namesrv.work import STEP_UNITS, Steps

_MOST_EVENTS: Final = 50
_MOST_EVENT_BYTES: Final = 1 << 16
"""Bytes of the records of these events, in MessagePack."""
_MOST_REMOVALS: Final = 100
MOST_GROUPS: Final = 16
"""Groups of a topic whose own events are read, and groups of an event."""
_MOST_MOVES: Final = 100
_MOST_WIPES: Final = 100
_RECORD_UNITS: Final = 1
_NAMES_OF_A_UNIT: Final = 4
_BYTES_OF_A_UNIT: Final = 2048
_DECODED_UNITS: Final = 16
_DECODED_BYTES_OF_A_UNIT: Final = 256
_CUT: Final = name_bytes("topics_left_out")
_REASONS: Final = {
    "BrokerExpired": "expired",
    "BrokerDisconnected": "disconnected",
    "BrokerUnregistered": "unregistered",
    "BrokerReplaced": "replaced",
    "LeftoverRemoved": "leftover",
}
_FATES: Final = ("added", "changed", "removed", "mapped")


def past_of_topic(
    history: History,
    topic: str,
    held_by: Collection[str],
    live: Container[str],
    wall_millis: int,
) -> Steps[Past]:
    """Events about a topic; `held_by` are the groups that have it now, `live` the
    addresses of these that are registered now."""
    past = _TopicPast(topic, held_by, live, wall_millis)
    names = topic, *islice(held_by, MOST_GROUPS)
    yield from _read(history, names, past.add, with_cut=True)
    return past.end(history)


def past_of_broker(
    history: History,
    names: set[str],
    addresses: set[str],
    live: Container[str],
    wall_millis: int,
) -> Steps[Past]:
    """Events about broker groups of these names and addresses; `live` are the addresses
    that are registered now."""
    past = _BrokerPast(names, addresses, live, wall_millis)
    yield from _read(history, (*names, *addresses), past.add, with_cut=False)
    return past.end(history)


def _read(
    history: History,
    names: tuple[str, ...],
    add: Callable[[Facts], None],
    *,
    with_cut: bool,
) -> Steps[None]:
    """Give each record that has one of the names to `add`; `with_cut`: those that left
    names out, too. A large record has steps of its own."""
    wanted = [name_bytes(name) for name in names]
    units = 0
    for record in list(history.newest_first()):
        cost = _scan_units(record, len(wanted))
        if units and units + cost > STEP_UNITS:
            yield units
            units = 0
        units += cost
        if any(map(record.mentions, wanted)) or (with_cut and record.mentions(_CUT)):
            cost = _decode_units(record)
            if units + cost > STEP_UNITS:
                yield units
                units = 0
            add(record.facts())
            units += cost
    yield units


def _scan_units(record: Record, names: int) -> int:
    """Units to search a record for so many names."""
    size = len(record.content)
    return _RECORD_UNITS + names // _NAMES_OF_A_UNIT + size * names // _BYTES_OF_A_UNIT


def _decode_units(record: Record) -> int:
    """Units to decode and judge a record."""
    return _DECODED_UNITS + len(record.content) // _DECODED_BYTES_OF_A_UNIT


class _EventPast:
    """Collects events until the ring ends."""

    def __init__(self, wall_millis: int, live: Container[str]) -> None:
        self.past = Past()
        self._live = live
        self._wall_millis = wall_millis
        self._event_bytes = 0
        self._settled: set[tuple[str, str]] = set()

    def end(self, history: History) -> Past:
        self.past.is_whole = history.first == 1
        return self.past

    def _keep(self, facts: Facts) -> None:
        self.past.was_here = True
        if len(self.past.events) < _MOST_EVENTS:
            few = _with_few_groups(facts)
            self._event_bytes += len(packed(few))
            if self._event_bytes <= _MOST_EVENT_BYTES:
                self.past.events.append(few)

    def _ago(self, facts: Facts) -> int:
        return max(self._wall_millis - int(facts["at_millis"]), 0)

    def _settle(self, part: str, name: str) -> bool:
        """Whether no later event was about this part of the name."""
        is_first = (part, name) not in self._settled
        self._settled.add((part, name))
        return is_first

    def _remove(self, reason: str, facts: Facts, broker: str, *, sure: bool) -> None:
        if len(self.past.removals) >= _MOST_REMOVALS:
            return
        cause: Facts = facts["cause"]
        removal = Removal(reason, broker, self._ago(facts))
        if reason == "expired" and cause["kind"] == CauseKind.LEASE:
            removal.reason = "lease"
        removal.address = facts.get("address")
        removal.cluster = facts.get("cluster")
        removal.peer = cause.get("peer")
        removal.request_code = cause.get("request_code")
        removal.is_http = cause["kind"] == CauseKind.HTTP
        removal.silent_millis = facts.get("silent_millis")
        removal.timeout_millis = facts.get("timeout_millis")
        removal.replaced_by = facts.get("replaced_by")
        removal.is_certain = sure
        self.past.removals.append(removal)

    def _wipe(self, facts: Facts) -> None:
        broker = facts["broker"]
        if self._settle("permission", broker) and not facts["is_writable"]:
            cause: Facts = facts["cause"]
            is_http = cause["kind"] == CauseKind.HTTP
            wipe = Wipe(broker, cause.get("peer"), self._ago(facts), is_http=is_http)
            if len(self.past.wipes) < _MOST_WIPES:
                self.past.wipes.append(wipe)

    def _move(self, facts: Facts) -> None:
        old, new = facts.get("replaces"), facts.get("address")
        has_room = len(self.past.moves) < _MOST_MOVES
        if has_room and old and new and old != new:
            broker, number = facts.get("broker") or "", facts.get("broker_id") or 0
            self.past.moves.append((broker, number, old, new, self._ago(facts)))

    def _of_address(self, facts: Facts, broker: str) -> None:
        """A broker of a group: when it registered, or why it went."""
        self._move(facts)
        self._note_since(facts)
        kind, address = facts["type"], facts.get("address")
        is_last = address is None or self._settle("address", address)
        if is_last and kind in _REASONS and address not in self._live:
            self._remove(_REASONS[kind], facts, broker, sure=True)

    def _note_since(self, facts: Facts) -> None:
        if facts["type"] == "BrokerRegistered" and facts.get("address"):
            key = facts["cluster"], facts["address"]
            self.past.since.setdefault(key, int(facts["at_millis"]))


class _TopicPast(_EventPast):
    def __init__(
        self,
        topic: str,
        held_by: Container[str],
        live: Container[str],
        wall_millis: int,
    ) -> None:
        super().__init__(wall_millis, live)
        self._topic = topic
        self._held_by = held_by
        self._cut: dict[str, Facts] = {}

    def add(self, facts: Facts) -> None:
        """An event that has one of the names, or lists of names that were cut."""
        kind, broker = facts["type"], facts.get("broker")
        if kind in ("TopicAdded", "TopicChanged", "TopicRemoved"):
            if facts["topic"] == self._topic:
                self._of_operator(facts)
        elif kind == "PermissionChanged":
            is_cut = "topics_left_out" in facts and broker in self._held_by
            if is_cut or self._topic in facts["topics"]:
                self._keep(_with_numbers(facts))
                self._wipe(facts)
        elif broker is not None:
            if broker in self._held_by:
                self._of_address(facts, broker)
            self._of_broker(facts, broker)

    def _of_operator(self, facts: Facts) -> None:
        self._keep(facts)
        for broker in facts["brokers"]:
            is_first = self._settle("entry", broker)
            if is_first and facts["type"] == "TopicRemoved":
                if broker not in self._held_by:
                    self._remove("deleted", facts, broker, sure=True)

    def _of_broker(self, facts: Facts, broker: str) -> None:
        topics, cut = facts.get("topics", {}), facts.get("topics_left_out", {})
        fates = [fate for fate in _FATES if self._topic in topics.get(fate, ())]
        if fates:
            self._keep(_with_numbers(facts, self._topic))
            self._of_entry(facts, broker, fates)
        elif cut:
            self.past.is_cut = True
            if "removed" in cut:
                self._cut.setdefault(broker, facts)

    def _of_entry(self, facts: Facts, broker: str, fates: list[str]) -> None:
        """The entry of one group; a later event that left names out may have been about
        it, and was if it is about the end of the whole group."""
        if not {"added", "removed"} & set(fates) or not self._settle("entry", broker):
            return
        if broker in self._held_by:
            return
        later = self._cut.get(broker)
        if "added" not in fates:
            reason = _REASONS.get(facts["type"], "dropped")
            self._remove(reason, facts, broker, sure=True)
        elif later is not None:
            reason = _REASONS.get(later["type"], "dropped")
            is_sure = bool(later.get("is_group_gone"))
            self._remove(reason, later, broker, sure=is_sure)


class _BrokerPast(_EventPast):
    def __init__(
        self,
        names: set[str],
        addresses: set[str],
        live: Container[str],
        wall_millis: int,
    ) -> None:
        super().__init__(wall_millis, live)
        self._names = names
        self._addresses = addresses

    def add(self, facts: Facts) -> None:
        """An event that has one of the names."""
        broker, address = facts.get("broker"), facts.get("address")
        others = facts.get("replaces"), facts.get("replaced_by")
        if broker not in self._names and not self._addresses & {address, *others}:
            return
        kind = facts["type"]
        self._keep(_with_numbers(facts))
        if kind == "PermissionChanged":
            self._wipe(facts)
            return
        self._of_address(facts, broker or "")


def _with_few_groups(facts: Facts) -> Facts:
    """An event with the first of its broker groups."""
    brokers = facts.get("brokers", ())
    if len(brokers) > MOST_GROUPS:
        left_out = len(brokers) - MOST_GROUPS + (facts.get("brokers_left_out") or 0)
        few = {"brokers": brokers[:MOST_GROUPS], "brokers_left_out": left_out}
        facts = {**facts, **few}
    if len(facts.get("new_on", ())) > MOST_GROUPS:
        facts = {**facts, "new_on": facts["new_on"][:MOST_GROUPS]}
    return facts


def _with_numbers(facts: Facts, topic: str | None = None) -> Facts:
    """An event with the number of its topics in place of the names of others."""
    counted = with_numbers(facts, topic)
    if counted.get("topics", True):
        return counted
    return {name: value for name, value in counted.items() if name != "topics"}

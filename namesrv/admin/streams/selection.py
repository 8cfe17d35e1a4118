"""Which events a reader of a stream wants, and which of their facts it gets."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from namesrv.routing.history.record import Facts, Record, name_bytes, with_numbers
from namesrv.work import Steps, batches

MOST_CHARACTERS: Final = 8192
"""Characters of the lists of names in an event of a stream."""
_LISTS: Final = ("topics", "brokers")
_NAMES_OF_A_UNIT: Final = 4
_OF_BROKERS: Final = ("broker", "address", "replaces", "replaced_by")


class Selection(NamedTuple):
    """Events of some types, about topics and about broker groups or addresses with
    these beginnings of their names; empty for all. Without `names_topics` lists of
    topics are numbers."""

    types: frozenset[str] = frozenset()
    topic: str = ""
    broker: str = ""
    names_topics: bool = True

    def may_want(self, record: Record) -> bool:
        """Whether the bytes of a record have the wanted names: false is certain, true
        has to be checked with its facts."""
        content = record.content
        if self.types:
            if not record.may_be_of(map(name_bytes, self.types)):
                return False
        if self.broker and _bytes_of(self.broker) not in content:
            return False
        return not self.topic or record.is_cut or _bytes_of(self.topic) in content

    def facts_of(self, facts: Facts) -> Steps[Facts | None]:
        """The facts of an event for this reader, None if it does not want it.

        Lists of topics have those with the wanted beginning, and no list is longer than
        MOST_CHARACTERS; `topics_left_out` and `brokers_left_out` have the numbers of
        names that were left out because of their length.
        """
        if self.types and facts["type"] not in self.types:
            return None
        if self.broker and not _any_begins(_brokers(facts), self.broker):
            return None
        if self.topic:
            facts = yield from self._with_topics(facts)
            if not _any_begins(_topics(facts), self.topic) and not _has_more(facts):
                return None
        return _shortened(facts if self.names_topics else with_numbers(facts))

    def _with_topics(self, facts: Facts) -> Steps[Facts]:
        topics = facts.get("topics")
        if isinstance(topics, dict):
            by_fate: dict[str, list[str]] = {}
            for fate, names in topics.items():
                wanted = yield from self._wanted(names)
                if wanted:
                    by_fate[fate] = wanted
            return facts | {"topics": by_fate}
        if topics is None:
            return facts
        return facts | {"topics": (yield from self._wanted(topics))}

    def _wanted(self, names: list[str]) -> Steps[list[str]]:
        found: list[str] = []
        for some in batches(names, 1):
            found += [name for name in some if name.startswith(self.topic)]
            yield len(some) // _NAMES_OF_A_UNIT
        return found


def _bytes_of(beginning: str) -> bytes:
    return beginning.encode("utf-8", "surrogatepass")


def _any_begins(names: Iterable[str], beginning: str) -> bool:
    return any(name.startswith(beginning) for name in names)


def _topics(facts: Facts) -> Iterator[str]:
    if "topic" in facts:
        yield facts["topic"]
    topics = facts.get("topics", ())
    for names in topics.values() if isinstance(topics, dict) else (topics,):
        yield from names


def _brokers(facts: Facts) -> Iterator[str]:
    for name in _OF_BROKERS:
        if name in facts:
            yield facts[name]
    yield from facts.get("brokers", ())


def _has_more(facts: Facts) -> bool:
    """Whether it is about more topics than the record names."""
    return "topics_left_out" in facts


def _shortened(facts: Facts) -> Facts:
    left = MOST_CHARACTERS
    for name in _LISTS:
        value = facts.get(name)
        if value is None or _characters(value) <= left:
            continue
        if isinstance(value, dict):
            facts = facts | _short_map(name, value, facts.get(f"{name}_left_out", {}))
        else:
            kept = _first(value, left)
            missing = len(value) - len(kept) + facts.get(f"{name}_left_out", 0)
            facts = facts | {name: kept, f"{name}_left_out": missing}
    return facts


def _short_map(
    name: str, lists: dict[str, list[str]], missing: dict[str, int]
) -> Facts:
    kept: dict[str, Any] = {}
    left, missing = MOST_CHARACTERS, dict(missing)
    for fate, names in lists.items():
        kept[fate] = some = _first(names, left)
        left -= _characters(some)
        if len(some) < len(names):
            missing[fate] = missing.get(fate, 0) + len(names) - len(some)
    return {name: kept, f"{name}_left_out": missing}


def _characters(names: Any) -> int:
    """Of names, each with quotes and a comma, or of lists of them."""
    lists = names.values() if isinstance(names, dict) else (names,)
    return sum(sum(map(len, some)) + 3 * len(some) for some in lists)


def _first(names: list[str], most: int) -> list[str]:
    for count, name in enumerate(names):
        most -= len(name) + 3
        if most < 0:
            return names[:count]
    return names

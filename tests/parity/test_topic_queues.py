"""Topics that are found, made and given queues by the list: twins agree."""

import sys
from array import array
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.wire.bodies import QueueData
from tests.parity.twins import FAST, PURE, TWINS, outcome

NAMES = ["a", "b", "é", "\ud800", "e" * 300]
SETS: list[dict[str, QueueData]] = [
    {},
    {"g": QueueData("g", 6)},
    {"h": QueueData("h", 6)},
]
DATAS = [QueueData("g", perm) for perm in (2, 4, 6)]

references = st.lists(st.tuples(st.sampled_from(NAMES), st.booleans()), max_size=8)
places = st.integers(0, 2)
changes = st.lists(st.tuples(places, places, places, st.booleans()), max_size=4)


def find_and_put(
    hot: Any, known: Sequence[str], gone: str, wanted: Sequence[tuple[str, bool]]
) -> Any:
    """The topics found, and the content of the table afterwards. A topic is wanted by
    its former entry if its flag is set, and else by its name."""
    table = {name: hot.TopicQueues(name, n, SETS[1]) for n, name in enumerate(known)}
    before = dict(table)
    if gone in table:
        # Its place was taken by another one of that name, or by none.
        table.pop(gone).queues = {}
        if len(known) % 2:
            table[gone] = hot.TopicQueues(gone, 90, SETS[2])
    topics = [before[n] if is_entry and n in before else n for n, is_entry in wanted]
    found, unknown = hot.find_topics(topics, table)
    names = [t if isinstance(t, str) else (t.topic, t.number) for t in found]
    made = hot.make_topics(found, 100, SETS[0])
    assert hot.put_topics(made, table) == []
    assert not any(entry.topic in table for entry in made)
    for entry in made[:2]:
        entry.queues = SETS[1]
    put = hot.put_topics(made, table)
    assert put == unknown[:2]
    assert all(table[name].number >= 100 for name in put)
    rest = [(name, table[name].number, table[name].queues) for name in table]
    return names, unknown, hot.names_of(found), [e.number for e in found], rest


@given(
    st.lists(st.sampled_from(NAMES), unique=True), st.sampled_from(NAMES), references
)
def test_topics_are_found_made_and_put_alike(
    known: list[str], gone: str, wanted: list[tuple[str, bool]]
) -> None:
    pure = find_and_put(PURE, known, gone, wanted)
    assert find_and_put(FAST, known, gone, wanted) == pure
    names, unknown, all_names, _, _ = pure
    assert all_names == [name for name, _ in wanted]
    assert unknown == [name for name in names if isinstance(name, str)]


def test_an_entry_without_queues_is_looked_up_anew() -> None:
    for hot in TWINS:
        gone, other = hot.TopicQueues("a", 1, {}), hot.TopicQueues("a", 2, SETS[1])
        found, unknown = hot.find_topics([gone], {"a": other})
        assert found == [other] and not unknown
        assert hot.find_topics([gone], {}) == (["a"], ["a"])


def test_those_that_were_answered_are_taken_once() -> None:
    for hot in TWINS:
        entries = [hot.TopicQueues(str(n), n, SETS[1]) for n in range(4)]
        entries[1].is_answered = entries[3].is_answered = True
        assert hot.take_answered(entries) == ["1", "3"]
        assert hot.take_answered(entries) == []


def change(
    hot: Any,
    topics: Sequence[tuple[int, int]],
    said: Sequence[tuple[int, int, int, bool]],
    first: int,
) -> Any:
    """The end, all sets by their places, and the lists and counts of each change."""
    entries = [hot.TopicQueues(str(n), n, SETS[s]) for n, (s, _) in enumerate(topics)]
    known = []
    for before, number, after, is_flagged in said:
        sets = SETS[before], DATAS[number], SETS[after]
        known.append(hot.SetChange(*sets, [], [] if is_flagged else None))
    end = hot.give_alike(entries, [DATAS[d] for _, d in topics], first, known)
    got = [next(n for n, s in enumerate(SETS) if s is e.queues) for e in entries]
    lists = [(c.topics, c.flagged) for c in known]
    noted = [(hot.names_of(t), f and hot.names_of(f)) for t, f in lists]
    counts = [(c.count, c.take_count(), c.count) for c in known]
    return end, got, noted, counts


def pack(hot: Any, topics: Sequence[int | None], cut: int) -> Any:
    """Topics packed in two parts; each topic has queues of some kind, or none."""
    entries = [
        hot.TopicQueues(str(n), 2**32 - 1 - n, {} if k is None else {"g": DATAS[k]})
        for n, k in enumerate(topics)
    ]
    kinds: dict[int, tuple[int, QueueData]] = {}
    parts = [hot.pack_queues(p, "g", kinds) for p in (entries[:cut], entries[cut:])]
    return parts, kinds, [key == id(data) for key, (_, data) in kinds.items()]


@given(st.lists(st.none() | places, max_size=12), st.integers(0, 12))
def test_queues_are_packed_alike(topics: list[int | None], cut: int) -> None:
    pure = pack(PURE, topics, cut)
    assert pack(FAST, topics, cut) == pure
    parts, kinds, is_own = pure
    numbers, chosen = (array("I", b"".join(some)) for some in zip(*parts, strict=True))
    if sys.byteorder == "big":
        numbers.byteswap()
        chosen.byteswap()
    datas = [data for _, data in kinds.values()]
    found = {2**32 - 1 - n: datas[p] for n, p in zip(numbers, chosen, strict=True)}
    assert found == {n: DATAS[k] for n, k in enumerate(topics) if k is not None}
    assert list(found) == sorted(found), "in the order of the topics"
    assert len(datas) == len({k for k in topics if k is not None})
    assert [place for place, _ in kinds.values()] == list(range(len(datas)))
    assert all(is_own)


@given(st.lists(st.tuples(places, places), max_size=12), changes, st.integers(0, 13))
def test_topics_are_changed_alike(
    topics: list[tuple[int, int]], said: list[tuple[int, int, int, bool]], first: int
) -> None:
    pure = change(PURE, topics, said, first)
    assert change(FAST, topics, said, first) == pure
    end, sets, noted, counts = pure
    rules: dict[tuple[int, int], int] = {}
    for before, number, after, _ in said:
        rules.setdefault((before, number), after)
    behind = (n for n in range(first, len(topics)) if topics[n] not in rules)
    assert end == next(behind, len(topics))
    assert sets == [
        rules[topic] if first <= n < end else topic[0] for n, topic in enumerate(topics)
    ]
    assert [count for count, _, _ in counts] == [len(names) for names, _ in noted]
    assert all(count == taken and left == 0 for count, taken, left in counts)
    assert all(flagged in (None, names) for names, flagged in noted)


@pytest.mark.parametrize("value", [None, (), {}, "text", 7])
def test_other_things_than_lists_are_refused(value: Any) -> None:
    def refused(name: str, *arguments: Any) -> None:
        pure, fast = (outcome(getattr(hot, name), *arguments) for hot in TWINS)
        assert pure == fast
        assert pure[:2] == ("err", TypeError)

    refused("find_topics", value, {})
    refused("make_topics", value, 0, {})
    refused("put_topics", value, {})
    refused("names_of", value)
    refused("take_answered", value)
    refused("pack_queues", value, "g", {})
    if value != "text":
        refused("pack_queues", [], value, {})
    if value != {}:
        refused("pack_queues", [], "g", value)
    refused("give_alike", value, [], 0, [])
    refused("give_alike", [], value, 0, [])
    refused("give_alike", [], [], 0, value)
    refused("SetChange", {}, DATAS[0], {}, value, None)
    if value is not None:
        refused("SetChange", {}, DATAS[0], {}, [], value)
    if value != {}:
        refused("find_topics", [], value)
        refused("put_topics", [], value)

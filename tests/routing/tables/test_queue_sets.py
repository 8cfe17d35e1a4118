"""Sets of queues that topics share: each topic has its own content, equal ones once."""

from collections import Counter
from operator import add
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from namesrv._impl import TopicQueues
from namesrv.routing.tables.queue_sets import MOST_SHARED_GROUPS, QueueSets, Stored
from namesrv.wire.bodies import QueueData
from namesrv.work import STEP_UNITS, Cost

GROUPS = ["a", "b", "c"]
QUEUES = {name: [QueueData(name, 6, n, n & 1) for n in range(3)] for name in GROUPS}

changes = st.lists(
    st.tuples(
        st.sampled_from(GROUPS),
        st.lists(st.integers(0, 5), max_size=6, unique=True),
        st.sampled_from([0, 1, 2, None]),
    ),
    max_size=40,
)


def topics(sets: QueueSets, count: int) -> list[TopicQueues]:
    return [TopicQueues(f"t{n}", n, sets.none) for n in range(count)]


def store(
    sets: QueueSets, some: list[TopicQueues], queue_datas: list[QueueData], name: str
) -> Stored:
    """In as many steps as it takes; none has room for less than a topic."""
    whole = Stored([], [], [], 0, 0)
    while whole.done < len(some):
        rest = slice(whole.done, None)
        part = sets.store(some[rest], queue_datas[rest], name)
        assert part.done > 0
        assert part.done + whole.done == len(some) or part.units >= STEP_UNITS
        whole = Stored(*map(add, whole, part))
    return whole


@given(changes)
def test_topics_have_their_own_queues_and_equal_sets_exist_once(
    history: list[tuple[str, list[int], int | None]],
) -> None:
    sets = QueueSets()
    entries = topics(sets, 6)
    model: list[dict[str, QueueData]] = [{} for _ in entries]
    for name, places, number in history:
        some = [entries[place] for place in places]
        if number is None:
            for entry in some:
                sets.give(entry, name, None)
            for place in places:
                model[place].pop(name, None)
            continue
        queue_data = QUEUES[name][number]
        stored = store(sets, some, [queue_data] * len(some), name)
        had = [model[place].get(name) for place in places]
        pairs = list(zip(some, had, strict=True))
        assert stored.added == [e for e, old in pairs if old is None]
        others = [(e, old) for e, old in pairs if old not in (None, queue_data)]
        assert stored.changed == [e for e, _ in others]
        assert stored.flagged == [
            e for e, old in others if old and old.topic_sys_flag != number & 1
        ]
        for place in places:
            model[place][name] = queue_data
        check(sets, entries, model)
    check(sets, entries, model)
    for entry in entries:
        for name in list(entry.queues):
            sets.give(entry, name, None)
    assert len(sets) == 0
    assert not sets.none


def check(
    sets: QueueSets, entries: list[TopicQueues], model: list[dict[str, QueueData]]
) -> None:
    assert [dict(entry.queues) for entry in entries] == model
    distinct = {id(entry.queues): entry.queues for entry in entries if entry.queues}
    contents = {frozenset(queues.items()) for queues in distinct.values()}
    assert len(distinct) == len(contents) == len(sets)
    counts = Counter(id(entry.queues) for entry in entries)
    users: dict[int, Any] = distinct
    assert all(queues.topics == counts[key] for key, queues in users.items())


def test_order_of_registrations_does_not_matter() -> None:
    sets = QueueSets()
    first, second = topics(sets, 2)
    for name in GROUPS:
        sets.give(first, name, QUEUES[name][0])
    for name in reversed(GROUPS):
        sets.give(second, name, QUEUES[name][0])
    assert first.queues is second.queues


def test_a_set_of_one_topic_changes_in_place() -> None:
    sets = QueueSets()
    (entry,) = topics(sets, 1)
    sets.give(entry, "a", QUEUES["a"][0])
    queues = entry.queues
    sets.give(entry, "b", QUEUES["b"][0])
    sets.give(entry, "a", QUEUES["a"][1])
    assert entry.queues is queues
    assert len(sets) == 1


def test_topics_of_very_many_groups_have_sets_of_their_own() -> None:
    sets = QueueSets()
    entries = topics(sets, 3)
    count = MOST_SHARED_GROUPS + 2
    for number in range(count):
        name = f"b{number}"
        store(sets, entries, [QueueData(name)] * 3, name)
    assert len({id(entry.queues) for entry in entries}) == 3
    assert [len(entry.queues) for entry in entries] == [count] * 3
    assert len(sets) == 0
    own = [entry.queues for entry in entries]
    sets.give(entries[0], "b0", None)
    assert entries[0].queues is own[0]
    assert [len(entry.queues) for entry in entries] == [count - 1, count, count]
    for entry in entries:
        for name in list(entry.queues):
            sets.give(entry, name, None)
    assert not any(entry.queues for entry in entries)


def test_many_random_changes_of_all_groups_leave_no_set_behind() -> None:
    random, sets = Random(3), QueueSets()
    entries = topics(sets, 50)
    model: list[dict[str, QueueData]] = [{} for _ in entries]
    for _ in range(2000):
        name = random.choice(GROUPS)
        places = random.sample(range(50), random.randrange(1, 50))
        queue_datas = [random.choice(QUEUES[name]) for _ in places]
        had = [model[place].get(name) for place in places]
        some = [entries[place] for place in places]
        stored = store(sets, some, queue_datas, name)
        for place, queue_data in zip(places, queue_datas, strict=True):
            model[place][name] = queue_data
        told = list(zip(places, had, queue_datas, strict=True))
        assert stored.added == [entries[p] for p, old, _ in told if old is None]
        others = [(p, old, new) for p, old, new in told if old not in (None, new)]
        assert stored.changed == [entries[p] for p, _, _ in others]
        assert stored.flagged == [
            entries[p]
            for p, old, new in others
            if old is not None and old.topic_sys_flag != new.topic_sys_flag
        ]
    check(sets, entries, model)


def test_a_step_copies_few_large_sets() -> None:
    sets = QueueSets()
    entries = topics(sets, 100)
    count = MOST_SHARED_GROUPS - 2
    for number in range(count):
        name = f"b{number}"
        store(sets, entries, [QueueData(name)] * 100, name)
    assert len(sets) == 1
    # Each topic gets a set of its own now.
    different = [QueueData("new", 6, number) for number in range(100)]
    done = sets.store(entries, different, "new").done
    assert done * count // 16 <= STEP_UNITS + count
    assert len(sets) == done + 1
    # Sets of so many groups are not shared, and copied for each topic.
    sets = QueueSets()
    entries = topics(sets, 100)
    for number in range(MOST_SHARED_GROUPS):
        name = f"b{number}"
        store(sets, entries, [QueueData(name)] * 100, name)
    done = sets.store(entries, [QueueData("new")] * 100, "new").done
    assert done * MOST_SHARED_GROUPS // 16 <= STEP_UNITS + MOST_SHARED_GROUPS


def test_topics_of_many_kinds_cost_more_than_those_that_change_alike() -> None:
    sets = QueueSets()
    entries = topics(sets, 120)
    assert store(sets, entries, [QueueData("a")] * 120, "a").units < 2 * 120
    kinds = [QueueData("b", 6, number) for number in range(30)]
    turns = [kinds[number % 30] for number in range(120)]
    assert store(sets, entries, turns, "b").units < 30 * Cost.TOPIC_CHANGED + 2 * 120
    different = [QueueData("c", 6, number) for number in range(120)]
    assert store(sets, entries, different, "c").units >= 120 * Cost.TOPIC_CHANGED


def test_a_set_that_changes_in_place_is_no_end_of_a_change() -> None:
    sets = QueueSets()
    twice, other, third = entries = topics(sets, 3)
    store(sets, entries, [QUEUES["c"][0]] * 3, "c")
    first, second = QUEUES["a"][:2]
    # A topic is given queues once in a call; this is how far one that is not gets.
    sets.store([twice, twice, other], [first, second, first], "a")
    assert twice.queues["a"] is second
    assert other.queues["a"] is first
    assert "a" not in third.queues

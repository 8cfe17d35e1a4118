"""Sets of queues that topics share: each topic has its own content, equal ones once."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from namesrv._impl import TopicQueues
from namesrv.routing.tables.queue_sets import MOST_SHARED_GROUPS, QueueSets
from namesrv.wire.bodies import QueueData

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
        stored = sets.store(some, [queue_data] * len(some), name)
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
        sets.store(entries, [QueueData(name)] * 3, name)
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
        stored = sets.store([entries[place] for place in places], queue_datas, name)
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

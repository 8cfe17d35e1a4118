"""The ring of records: numbers, bounds, readers."""

import pytest

from namesrv.routing.events import (
    BrokerExpired,
    Cause,
    CauseKind,
    ConfigChanged,
    Event,
    KvChanged,
    TopicChanged,
    TopicChanges,
    TopicRemoved,
)
from namesrv.routing.history.record import Record, name_bytes, record_of
from namesrv.routing.history.ring import MOST_RECORD_BYTES, RECORD_BYTES, History

CAUSE = Cause(CauseKind.REQUEST, 216, "10.0.0.9:5000")


def kv_changed(number: int) -> Event:
    return KvChanged(1000 + number, CAUSE, "space", f"key-{number}", is_deleted=False)


def expired(topics: TopicChanges) -> BrokerExpired:
    return BrokerExpired(
        wall_millis=5,
        cause=Cause(CauseKind.EXPIRY),
        cluster="c",
        broker="b",
        address="10.0.0.1:10911",
        epoch=3,
        broker_ids=(0,),
        was_live=True,
        timeout_millis=120_000,
        silent_millis=121_000,
        registered_in=None,
        is_group_gone=True,
        is_read_only=False,
        topics=topics,
    )


def test_record_has_the_facts_of_its_event() -> None:
    facts = record_of(TopicRemoved(77, CAUSE, "T", ["b"], None), 4, 4096).facts()
    assert facts == {
        "number": 4,
        "at_millis": 77,
        "type": "TopicRemoved",
        "cause": {"kind": "request", "request_code": 216, "peer": "10.0.0.9:5000"},
        "topic": "T",
        "brokers": ["b"],
    }


def test_record_names_topics_by_their_fate() -> None:
    topics = TopicChanges(changed=["x"], removed=["T", "U"])
    facts = record_of(expired(topics), 1, 4096).facts()
    assert facts["topics"] == {"changed": ["x"], "removed": ["T", "U"]}
    assert facts["broker_ids"] == [0]
    assert "registered_in" not in facts


def test_long_record_counts_the_names_that_it_leaves_out() -> None:
    removed = [f"t{number:03}" for number in range(1000)]
    record = record_of(expired(TopicChanges(changed=["x"], removed=removed)), 1, 2048)
    facts = record.facts()
    kept = facts["topics"]["removed"]
    assert record.is_cut and facts["topics"]["changed"] == ["x"]
    assert 100 < len(kept) < 1000 and kept == removed[: len(kept)]
    assert facts["topics_left_out"] == {"removed": 1000 - len(kept)}


@pytest.mark.parametrize("letter", ["t", "\u00fc", "\u6771", "\U0001f600", "\ud800"])
@pytest.mark.parametrize("length", [1, 40, 1500, 70_000])
def test_record_has_no_more_bytes_than_it_may(letter: str, length: int) -> None:
    names = [letter * length] * (20 if length == 70_000 else 30_000)
    for most_bytes in (2048, 100_000):
        record = record_of(expired(TopicChanges(added=names)), 1, most_bytes)
        size = len(record.content)
        assert size <= most_bytes
        one = record_of(TopicRemoved(7, CAUSE, "T", names, None), 1, most_bytes)
        size = len(one.content)
        assert size <= most_bytes
        assert (record.is_cut, one.is_cut) == (True, True)
        kept = len(one.facts()["brokers"])
        assert one.facts()["brokers_left_out"] == len(names) - kept


def test_both_lists_of_groups_are_cut() -> None:
    names = [f"group-{number}" for number in range(1000)]
    changed = TopicChanged(7, CAUSE, "T", names, names)
    facts = record_of(changed, 1, 4096).facts()
    assert facts["brokers_left_out"] == 1000 - len(facts["brokers"]) > 0
    assert facts["new_on_left_out"] == 1000 - len(facts["new_on"]) > 0


def test_value_of_an_option_is_cut() -> None:
    event = ConfigChanged(7, CAUSE, "o", "x" * 100_000, 5)
    facts = record_of(event, 1, 4096).facts()
    assert (len(facts["old"]), facts["new"]) == (4096, 5)


@pytest.mark.parametrize("name", ["T", "x" * 300, "größe"])
def test_record_mentions_its_names(name: str) -> None:
    record = record_of(TopicRemoved(77, CAUSE, name, ["b"], None), 4, 4096)
    assert record.mentions(name_bytes(name))
    assert not record.mentions(name_bytes("absent"))


def test_ring_drops_the_oldest() -> None:
    size = RECORD_BYTES + len(record_of(kv_changed(1), 1, 4096).content)
    history = History(3 * size + size // 2)
    for number in range(1, 6):
        history.note(kv_changed(number))
    assert (history.first, history.last, len(history)) == (3, 5, 3)
    assert [record.number for record in history.newest_first()] == [5, 4, 3]
    assert history.bytes <= 3 * size + size // 2


def test_records_after_a_number() -> None:
    history = History(1 << 20)
    for number in range(1, 5):
        history.note(kv_changed(number))
    assert [record.number for record in history.after(2)] == [3, 4]
    assert [record.number for record in history.after(0)] == [1, 2, 3, 4]
    assert history.after(4) == []
    assert history.after(9) == []


def test_ring_without_room_counts_events_and_calls_readers() -> None:
    history, seen = History(0), list[Record]()
    history.add(seen.append)
    history.note(kv_changed(1))
    history.remove(seen.append)
    history.note(kv_changed(2))
    assert (history.first, history.last, len(history), history.bytes) == (3, 2, 0, 0)
    assert [record.number for record in seen] == [1]


def test_ring_finds_a_record_and_gives_some() -> None:
    size = RECORD_BYTES + len(record_of(kv_changed(5000), 5000, 4096).content)
    history = History(300 * size)
    for number in range(1, 5001):
        history.note(kv_changed(number))
    first = history.first
    assert 4690 < first < 4710
    found = [history.find(number) for number in (first, 5000, first - 1, 5001)]
    assert [None if one is None else one.number for one in found] == [
        *(first, 5000, None, None)
    ]
    assert [one.number for one in history.after(4800, 2)] == [4801, 4802]
    assert [one.number for one in history.after(0, 2)] == [first, first + 1]
    before = [one.number for one in history.newest_first(before=4999)]
    assert before == list(range(4998, first - 1, -1))


def test_records_that_are_dropped_meanwhile_are_left_out() -> None:
    size = RECORD_BYTES + len(record_of(kv_changed(1000), 1000, 4096).content)
    history = History(1000 * size)
    for number in range(1, 1001):
        history.note(kv_changed(number))
    seen = []
    for record in history.newest_first():
        seen.append(record.number)
        for _ in range(2):
            history.note(kv_changed(1))
    assert seen == list(range(1000, 1000 - len(seen), -1))
    assert 300 < len(seen) < 600


def test_readers_get_names_that_the_ring_has_no_room_for() -> None:
    history, seen = History(64 << 10), list[Record]()
    history.add(seen.append)
    history.note(expired(TopicChanges(removed=[f"t{n}" for n in range(3000)])))
    (kept,) = history.newest_first()
    assert kept.is_cut
    assert not seen[0].is_cut
    assert len(seen[0].facts()["topics"]["removed"]) == 3000
    named = len(kept.facts()["topics"]["removed"])
    assert 700 < named < 1000
    assert kept.facts()["topics_left_out"] == {"removed": 3000 - named}
    assert len(kept.content) + RECORD_BYTES <= 8 << 10


def test_one_event_with_long_names_takes_an_eighth_of_the_ring() -> None:
    most_bytes = 1 << 20
    history, seen = History(most_bytes), list[Record]()
    history.add(seen.append)
    for number in range(1, 101):
        history.note(kv_changed(number))
    names = [f"{number:05}" + "n" * 1495 for number in range(8000)]
    for _ in range(7):
        history.note(expired(TopicChanges(added=names)))
    assert history.first == 1 and history.bytes <= most_bytes
    assert max(len(one.content) for one in history.newest_first()) <= most_bytes // 8
    assert max(len(one.content) for one in seen) <= MOST_RECORD_BYTES


def test_names_with_lone_surrogates() -> None:
    history = History(1 << 20)
    history.note(TopicRemoved(77, CAUSE, "T\ud800", ["b"], None))
    (record,) = history.newest_first()
    assert record.facts()["topic"] == "T\ud800"
    assert record.mentions(name_bytes("T\ud800"))

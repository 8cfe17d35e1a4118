"""The ring of records: numbers, bounds, readers."""

import pytest

from namesrv.routing.events import (
    BrokerExpired,
    Cause,
    CauseKind,
    Event,
    KvChanged,
    TopicChanges,
    TopicRemoved,
)
from namesrv.routing.history.record import Record, name_bytes, record_of
from namesrv.routing.history.ring import RECORD_BYTES, History

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
    facts = record_of(TopicRemoved(77, CAUSE, "T", ["b"], None), 4, 10).facts()
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
    facts = record_of(expired(topics), 1, 10).facts()
    assert facts["topics"] == {"changed": ["x"], "removed": ["T", "U"]}
    assert facts["broker_ids"] == [0]
    assert "registered_in" not in facts


def test_long_record_counts_the_names_that_it_leaves_out() -> None:
    topics = TopicChanges(changed=["x"], removed=[f"t{n}" for n in range(10)])
    facts = record_of(expired(topics), 1, 4).facts()
    assert facts["topics"] == {"changed": ["x"], "removed": ["t0", "t1", "t2"]}
    assert facts["topics_left_out"] == {"removed": 7}


@pytest.mark.parametrize("name", ["T", "x" * 300, "größe"])
def test_record_mentions_its_names(name: str) -> None:
    record = record_of(TopicRemoved(77, CAUSE, name, ["b"], None), 4, 10)
    assert record.mentions(name_bytes(name))
    assert not record.mentions(name_bytes("absent"))


def test_ring_drops_the_oldest() -> None:
    size = RECORD_BYTES + len(record_of(kv_changed(1), 1, 10).content)
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
    size = RECORD_BYTES + len(record_of(kv_changed(5000), 5000, 10).content)
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
    size = RECORD_BYTES + len(record_of(kv_changed(1000), 1000, 10).content)
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
    history.note(expired(TopicChanges(removed=[f"t{n}" for n in range(1000)])))
    (kept,) = history.newest_first()
    assert kept.is_cut
    assert not seen[0].is_cut
    assert len(seen[0].facts()["topics"]["removed"]) == 1000
    assert kept.facts()["topics_left_out"] == {"removed": 744}


def test_names_with_lone_surrogates() -> None:
    history = History(1 << 20)
    history.note(TopicRemoved(77, CAUSE, "T\ud800", ["b"], None))
    (record,) = history.newest_first()
    assert record.facts()["topic"] == "T\ud800"
    assert record.mentions(name_bytes("T\ud800"))

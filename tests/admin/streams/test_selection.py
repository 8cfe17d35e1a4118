"""Lists of names in events of streams are short."""

import pytest

from namesrv.admin.streams.selection import MOST_CHARACTERS, Selection
from namesrv.routing.history.record import Facts, Record, packed
from namesrv.work import finish

NAMES = [f"topic-{number:05}" for number in range(5000)]


def event(**facts: object) -> Facts:
    return {"type": "BrokerRegistered", "broker": "b", **facts}


def _wanted(selection: Selection, facts: Facts) -> Facts | None:
    return finish(selection.facts_of(facts))


def test_short_lists_stay() -> None:
    facts = event(topics={"added": NAMES[:10]}, brokers=["b"])
    assert _wanted(Selection(), facts) == facts


def test_long_lists_are_cut_and_counted() -> None:
    facts = _wanted(
        Selection(),
        event(topics={"added": NAMES, "removed": NAMES}, topics_left_out={"added": 7}),
    )
    assert facts is not None
    kept = facts["topics"]["added"]
    assert kept == NAMES[: len(kept)]
    assert sum(len(name) + 3 for name in kept) <= MOST_CHARACTERS
    missing = 5000 - len(kept)
    assert facts["topics_left_out"] == {"added": missing + 7, "removed": 5000}


def test_plain_lists_are_cut_and_counted() -> None:
    facts = _wanted(Selection(), event(topics=NAMES, brokers=NAMES))
    assert facts is not None
    assert len(facts["topics"]) + facts["topics_left_out"] == 5000
    assert len(facts["brokers"]) + facts["brokers_left_out"] == 5000


def test_wanted_topics_come_first() -> None:
    facts = _wanted(Selection(topic="topic-0499"), event(topics={"added": NAMES}))
    assert facts is not None
    assert facts["topics"] == {"added": NAMES[4990:]}
    assert "topics_left_out" not in facts


def test_an_event_about_more_topics_than_it_names_may_be_wanted() -> None:
    facts = event(topics={"added": ["A"]}, topics_left_out={"added": 9})
    assert _wanted(Selection(topic="B"), facts) is not None
    assert _wanted(Selection(topic="B"), event(topics={"added": ["A"]})) is None


@pytest.mark.parametrize(
    ("selection", "may_want"),
    [
        (Selection(), True),
        (Selection(topic="topic-0499"), True),
        (Selection(topic="opic"), True),
        (Selection(topic="z"), False),
        (Selection(topic="T\ud800"), True),
        (Selection(broker="b"), True),
        (Selection(broker="x"), False),
        (Selection(frozenset(["BrokerRegistered"])), True),
        (Selection(frozenset(["KvChanged", "BrokerRegistered"])), True),
        (Selection(frozenset(["KvChanged"])), False),
    ],
)
def test_bytes_of_a_record_decide_first(selection: Selection, may_want: bool) -> None:
    facts = {"number": 1 << 60, "at_millis": 1 << 60}
    facts |= event(topics={"added": [*NAMES, "T\ud800"]})
    assert selection.may_want(Record(1, 1, packed(facts))) is may_want


def test_record_without_room_for_all_names_may_be_wanted() -> None:
    content = packed(event(topics={"added": ["A"]}, topics_left_out={"added": 9}))
    assert Selection(topic="B").may_want(Record(1, 1, content, is_cut=True))


def test_names_are_compared_in_steps() -> None:
    names = [f"topic-{number:06}" for number in range(100_000)]
    units = list(Selection(topic="z").facts_of(event(topics={"added": names})))
    assert max(units) <= 500 and sum(units) == 25_000


def test_topics_are_counted_where_lists_of_them_are_switched_off() -> None:
    selection = Selection(names_topics=False)
    left_out = {"added": 2}
    facts = _wanted(selection, event(topics={"added": NAMES}, topics_left_out=left_out))
    assert facts is not None
    assert (facts["topics"], facts["topics_left_out"]) == (
        {},
        {"added": len(NAMES) + 2},
    )
    facts = _wanted(selection, event(topics=NAMES))
    assert facts is not None
    assert (facts["topics"], facts["topics_left_out"]) == ([], len(NAMES))

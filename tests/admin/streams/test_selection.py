"""Lists of names in events of streams are short."""

from namesrv.admin.streams.selection import MOST_CHARACTERS, Selection
from namesrv.routing.history.record import Facts

NAMES = [f"topic-{number:05}" for number in range(5000)]


def event(**facts: object) -> Facts:
    return {"type": "BrokerRegistered", "broker": "b", **facts}


def test_short_lists_stay() -> None:
    facts = event(topics={"added": NAMES[:10]}, brokers=["b"])
    assert Selection().facts_of(facts) == facts


def test_long_lists_are_cut_and_counted() -> None:
    facts = Selection().facts_of(
        event(topics={"added": NAMES, "removed": NAMES}, topics_left_out={"added": 7})
    )
    assert facts is not None
    kept = facts["topics"]["added"]
    assert kept == NAMES[: len(kept)]
    assert sum(len(name) + 3 for name in kept) <= MOST_CHARACTERS
    missing = 5000 - len(kept)
    assert facts["topics_left_out"] == {"added": missing + 7, "removed": 5000}


def test_plain_lists_are_cut_and_counted() -> None:
    facts = Selection().facts_of(event(topics=NAMES, brokers=NAMES))
    assert facts is not None
    assert len(facts["topics"]) + facts["topics_left_out"] == 5000
    assert len(facts["brokers"]) + facts["brokers_left_out"] == 5000


def test_wanted_topics_come_first() -> None:
    facts = Selection(topic="topic-0499").facts_of(event(topics={"added": NAMES}))
    assert facts is not None
    assert facts["topics"] == {"added": NAMES[4990:]}
    assert "topics_left_out" not in facts


def test_an_event_about_more_topics_than_it_names_may_be_wanted() -> None:
    facts = event(topics={"added": ["A"]}, topics_left_out={"added": 9})
    assert Selection(topic="B").facts_of(facts) is not None
    assert Selection(topic="B").facts_of(event(topics={"added": ["A"]})) is None

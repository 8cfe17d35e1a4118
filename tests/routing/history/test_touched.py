"""Entries that events changed: before the first, after the last."""

from typing import Any

from namesrv.routing.history import touched as module
from namesrv.routing.history.touched import Touched, Window, topics_changes
from namesrv.work import finish

BROKER = {"broker": "b", "cluster": "c", "address": "10.0.0.1:1"}


def registered(**more: Any) -> dict[str, Any]:
    return {"type": "BrokerRegistered", "number": 1, **BROKER, "broker_id": 0, **more}


def touched(*events: dict[str, Any], **window: Any) -> Touched:
    found = Touched(Window(**window), Window())
    for facts in events:
        finish(found.add(facts))
    return found


def test_a_broker_that_came_and_went_left_nothing() -> None:
    gone = {**BROKER, "type": "BrokerExpired", "number": 2, "broker_ids": [0]}
    found = touched(
        registered(topics={"added": ["T"]}), {**gone, "topics": {"removed": ["T"]}}
    )
    assert found.topics == {"T": {"b": (False, False)}}
    assert found.addresses == {"b": {0: (None, None)}}
    assert found.clusters == {"b": "c"}
    assert (found.number, found.is_complete) == (2, True)


def test_an_address_that_is_replaced_or_moves() -> None:
    assert touched(registered(replaces="old:1")).addresses == {
        "b": {0: ("old:1", "10.0.0.1:1")}
    }
    assert touched(registered(had_address=True)).addresses == {}
    changed = {**registered(), "type": "BrokerChanged", "parts": ["id", "address"]}
    assert touched({**changed, "former_ids": [1]}).addresses == {
        "b": {1: ("10.0.0.1:1", None), 0: (None, "10.0.0.1:1")}
    }
    assert touched({**changed, "parts": ["version"]}).addresses == {}


def test_operators_change_single_topics() -> None:
    event = {"number": 1, "topic": "T", "brokers": ["a", "b"]}
    added = {"a": (False, True), "b": (False, True)}
    assert touched({**event, "type": "TopicAdded"}).topics == {"T": added}
    changed = touched({**event, "type": "TopicChanged", "new_on": ["b"]})
    assert changed.topics == {"T": {"b": (False, True), "a": (True, True)}}
    removed = touched({**event, "type": "TopicRemoved"})
    assert removed.topics == {"T": {"a": (True, False), "b": (True, False)}}
    wiped = {"type": "PermissionChanged", "number": 1, "broker": "b", "topics": ["T"]}
    assert touched(wiped).topics == {"T": {"b": (True, True)}}


def test_only_names_of_the_window() -> None:
    event = registered(topics={"added": ["A", "B1", "B2", "B3", "C"]})
    assert list(touched(event, after="B1", prefix="B").topics) == ["B2", "B3"]
    assert list(touched(event, only="C").topics) == ["C"]


def test_too_many_entries_leave_the_last_names_for_another_page(
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(module, "_MOST_ENTRIES", 10)
    event = registered(topics={"added": [f"T{n}" for n in range(9, -1, -1)]})
    window = Window()
    found = Touched(window, Window())
    finish(found.add(event))
    finish(found.add({**event, "broker": "x"}))
    assert window.end is not None
    assert set(found.topics) == {f"T{n}" for n in range(int(window.end[1:]) + 1)}
    assert all(set(groups) == {"b", "x"} for groups in found.topics.values())


def test_names_that_a_record_left_out_are_known_to_be_missing() -> None:
    assert not touched(registered(topics_left_out={"added": 4})).is_complete
    kv = {"type": "KvChanged", "number": 5, "namespace": "n", "key": "k"}
    assert touched(kv).is_complete


class _Compared(str):
    """A name that counts its comparisons."""

    __slots__ = ()
    comparisons = 0

    def __eq__(self, other: object) -> bool:
        _Compared.comparisons += 1
        return super().__eq__(other)

    __hash__ = str.__hash__


def test_a_topic_on_many_groups_is_read_in_linear_time() -> None:
    """An operator may register a topic on all groups at once."""
    brokers = [_Compared(f"broker-{number}") for number in range(2000)]
    facts: dict[str, Any] = {"type": "TopicAdded", "topic": "T", "brokers": brokers}
    added, others = topics_changes(facts)
    assert (len(added.brokers), others.brokers) == (2000, [])
    assert _Compared.comparisons < 10 * len(brokers)

"""Differences of two servers, from their answers."""

from typing import Any

from namesrv.client.bodies import BrokerData, QueueData
from namesrv.client.differences import (
    NONE,
    Difference,
    group_differs,
    memberships_differ,
    queues_of,
    queues_text,
    topic_differs,
    values_differ,
)


def group(**members: Any) -> BrokerData:
    addresses = {"brokerAddrs": {"0": "m:1", "1": "s:1"}, "cluster": "c"}
    return BrokerData({**addresses, **members}, "b")


def test_each_member_of_a_group_is_a_difference_of_its_own() -> None:
    other = group(
        brokerAddrs={"0": "m:2", "2": "s:1"},
        cluster="d",
        zoneName="z",
        enableActingMaster=True,
    )
    found = [one.sentence("A", "B") for one in group_differs("b", group(), other)]
    assert found == [
        "cluster of broker b: A has c, B has d",
        "zone of broker b: A has none, B has z",
        "acting master of broker b: A has not allowed, B has allowed",
        "address of broker b with id 0: A has m:1, B has m:2",
        "address of broker b with id 1: A has s:1, B has none",
        "address of broker b with id 2: A has none, B has s:1",
    ]


def test_a_missing_group_is_one_difference_with_few_addresses() -> None:
    many = group(brokerAddrs={str(number): f"m:{number}" for number in range(9)})
    (found,) = group_differs("b", None, many)
    assert found.second == "it at m:0, m:1, m:2, m:3, m:4 and 4 more"
    assert found.cells == (NONE, "m:0, m:1, m:2, m:3, m:4 and 4 more")
    (found,) = group_differs("b", group(brokerAddrs={}), None)
    assert found.cells == ("without address", NONE)
    assert (found.first, found.second) == ("it without address", NONE)
    assert list(group_differs("b", None, None)) == []


def test_lists_of_clusters_count_for_common_groups_only() -> None:
    found = list(
        memberships_differ({"c": ["a", "b"]}, {"c": ["b"], "d": ["x", "b"]}, ["a", "b"])
    )
    assert [one[:3] for one in found] == [
        ("cluster list", "a", "c"),
        ("cluster list", "b", "d"),
    ]
    assert found[0].cells == ("listed", NONE)


def test_topics_of_groups_that_are_missing_do_not_count() -> None:
    here, there = {"a": "rw", "gone": "rw"}, {"a": "rw"}
    assert list(topic_differs("T", here, there, ["a"])) == []
    assert list(topic_differs("T", {"gone": "rw"}, None, ["a"])) == []
    (found,) = topic_differs("T", here, None, ["a"])
    assert found == Difference("topic", "T", "", "it on a", NONE)
    assert found.cells == ("on a", NONE)
    (found,) = topic_differs("T", here, {"a": "r-"}, ["a"])
    assert found == Difference("queues", "T", "a", "rw", "r-")


def test_queues_are_words_and_each_number_counts() -> None:
    base = {
        "brokerName": "a",
        "perm": 6,
        "readQueueNums": 4,
        "writeQueueNums": 8,
        "topicSysFlag": 0,
    }
    changes: list[dict[str, Any]] = [
        {},
        *({"perm": perm} for perm in (0, 2, 4, 7, 14)),
        *({name: 5} for name in ("readQueueNums", "writeQueueNums", "topicSysFlag")),
    ]
    texts = {queues_text(QueueData({**base, **change})) for change in changes}
    assert len(texts) == len(changes)
    assert queues_of([QueueData(base)]) == {"a": "rw 4 read 8 write"}


def test_values_are_quoted() -> None:
    found = list(values_differ("key", {"k": "none"}, {}, "NS"))
    assert found == [Difference("key", "NS", "k", "'none'", NONE)]
    assert found[0].cells == ("'none'", NONE)
    assert not list(values_differ("option", {"a": "1"}, {"a": "1"}))

"""One broker group and what is derived from it."""

import json

import pytest

from namesrv._impl import TopicQueues
from namesrv.routing.tables import broker_data
from namesrv.routing.tables.broker_data import BrokerData
from namesrv.wire.bodies import QueueData


def group(**addrs: str) -> BrokerData:
    data = BrokerData("c1", "b")
    for key, addr in addrs.items():
        data.broker_addrs[int(key.strip("_"))] = addr
    return data


def test_a_new_group_is_empty() -> None:
    data = BrokerData("c1", "b")
    assert not data.has_master
    assert (data.cluster, data.broker_name) == ("c1", "b")
    assert data.min_broker_id is None
    assert not data.lacks_master
    assert data.topics() == []
    assert (data.enable_acting_master, data.zone_name) == (False, None)


@pytest.mark.parametrize(
    ("ids", "lowest", "lacks"),
    [([0], 0, False), ([1], 1, True), ([2, 1], 1, True), ([1, 0], 0, False)]
    + [([-1, 3], -1, False)],
)
def test_the_lowest_id(ids: list[int], lowest: int, lacks: bool) -> None:
    data = BrokerData("c1", "b")
    data.broker_addrs.update({key: "a" for key in ids})
    assert (data.min_broker_id, data.lacks_master) == (lowest, lacks)
    assert data.has_master is (0 in ids)


def test_equal_queues_are_one_object() -> None:
    data = BrokerData("c1", "b")
    first = data.shared(6, 4, 0, 8)
    assert first == QueueData("b", 6, 4, 0, 8)
    assert data.shared(6, 4, 0, 8) is first
    assert data.shared(4, 4, 0, 8) is not first


def test_shared_queues_and_their_texts_are_bounded() -> None:
    data = BrokerData("c1", "b")
    most = broker_data._MOST_SHARED
    for number in range(most + 10):
        data.queue_text(data.shared(6, number, 0, 0))
    assert len(data._shared) <= most
    assert len(data._queue_texts) <= most
    again = data.shared(6, 0, 0, 0)
    assert json.loads(data.queue_text(again))["readQueueNums"] == 0


def test_the_text_is_made_once_until_something_changes() -> None:
    data = group(_0="a:1")
    legacy, standard = data.text(standard=False), data.text(standard=True)
    assert '{0:"a:1"}' in legacy and '{"0":"a:1"}' in standard
    assert data.text(standard=False) is legacy
    data.broker_addrs[1] = "b:1"
    data.changed()
    assert '{0:"a:1",1:"b:1"}' in data.text(standard=False)
    assert '{"0":"a:1","1":"b:1"}' in data.text(standard=True)


def test_null_addresses_are_not_shown() -> None:
    data = group(_0="a:1")
    data.broker_addrs[1] = None
    assert json.loads(data.text(standard=True))["brokerAddrs"] == {"0": "a:1"}


def test_the_text_of_an_acting_group_is_not_kept() -> None:
    data = group(_1="a:1", _2="b:1")
    kept = data.text(standard=True)
    assert '{"0":"a:1","2":"b:1"}' in data.acting_text(standard=True)
    assert data.text(standard=True) == kept


def test_topics_are_each_once_and_only_where_there_is_an_entry() -> None:
    data = BrokerData("c1", "b")
    stays, returns, goes = (
        TopicQueues(name, 0, {}) for name in ("stays", "returns", "goes")
    )
    for entry in (stays, returns, goes):
        entry.queues["b"] = QueueData("b")
        data.topic_refs.append(entry)
    for entry in (returns, goes):
        del entry.queues["b"]
        data.lost_topic()
    returns.queues["b"] = QueueData("b")
    data.topic_refs.append(returns)
    assert data.topics() == [stays, returns]
    assert data.topic_refs == [stays, returns]


def test_queues_with_another_permission() -> None:
    data = BrokerData("c1", "b")
    for topic, perm in (("A", 6), ("B", 4)):
        entry = TopicQueues(topic, 0, {})
        entry.queues["b"] = data.shared(perm, 3, 1, 5)
        data.topic_refs.append(entry)
    changed = data.queues_with_perm(data.topics(), lambda perm: perm & ~2)
    assert changed == [QueueData("b", 4, 3, 1, 5)] * 2
    assert changed[0] is changed[1]

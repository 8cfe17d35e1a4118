"""205, 216, 217 and 327 as requests."""

import pytest

from namesrv.testing.peer import Broker
from tests.routing.world import World

QUEUES = b'{"queueDatas":[{"brokerName":"broker-a","perm":4,"readQueueNums":2}]}'


@pytest.fixture
def registered(world: World) -> World:
    world.register()
    return world


@pytest.mark.parametrize(
    ("code", "member", "phrase"),
    [
        (205, "wipeTopicCount", "write permission wiped"),
        (327, "addTopicCount", "write permission added"),
    ],
)
def test_permission_requests_count_topics(
    registered: World, code: int, member: str, phrase: str
) -> None:
    answer = registered.ask(code, {"brokerName": "broker-a"})
    assert (answer.code, answer.ext_fields) == (0, {member: "2"})
    assert answer.remark is None and answer.body == b""
    assert registered.event(phrase) == {
        "broker": "broker-a",
        "topics": 2,
        "remote": "10.0.0.9:40000",
    }
    for fields in ({"brokerName": "unknown"}, {"brokerName": ""}, {}, None):
        answer = registered.ask(code, fields)
        assert (answer.code, answer.ext_fields) == (0, {member: "0"})


def test_a_wiped_broker_is_writable_again_when_told_so(registered: World) -> None:
    registered.ask(205, {"brokerName": "broker-a"})
    assert registered.route("T1")["queueDatas"][0]["perm"] == 4
    registered.ask(327, {"brokerName": "broker-a"})
    assert registered.route("T1")["queueDatas"][0]["perm"] == 6


@pytest.mark.parametrize("cluster", [None, "", "c1"])
def test_deleting_a_topic(registered: World, cluster: str | None) -> None:
    answer = registered.ask(216, {"topic": "T1", "clusterName": cluster})
    assert (answer.code, answer.ext_fields, answer.body) == (0, None, b"")
    assert registered.route("T1") is None
    assert registered.route("T2") is not None


@pytest.mark.parametrize(
    "fields",
    [
        None,
        {},
        {"topic": None},
        {"topic": None, "clusterName": "c1"},
        {"topic": "unknown"},
        {"topic": "T1", "clusterName": "unknown"},
    ],
)
def test_deleting_nothing_is_a_success(
    registered: World, fields: dict[str, str | None] | None
) -> None:
    assert registered.ask(216, fields).code == 0
    assert set(registered.topics) == {"T1", "T2"}


def test_registering_a_topic(registered: World) -> None:
    answer = registered.ask(217, {"topic": "N"}, QUEUES)
    assert (answer.code, answer.ext_fields, answer.body) == (0, None, b"")
    (queue_data,) = registered.route("N")["queueDatas"]
    assert queue_data == {
        "brokerName": "broker-a",
        "perm": 4,
        "readQueueNums": 2,
        "topicSysFlag": 0,
        "writeQueueNums": 0,
    }
    assert registered.event("topic registered")["brokers"] == "broker-a"


def test_the_empty_name_is_a_name(registered: World) -> None:
    registered.ask(217, {"topic": ""}, QUEUES)
    assert registered.route("") is not None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"queueDatas":null}',
        b'{"queueDatas":[]}',
        b'{"queueDatas":[null]}',
        b'{"queueDatas":[{}]}',
    ],
)
def test_registering_nothing_is_a_success(registered: World, body: bytes) -> None:
    assert registered.ask(217, {"topic": "N"}, body).code == 0
    assert set(registered.topics) == {"T1", "T2"}


def test_registering_without_a_topic_is_a_success(registered: World) -> None:
    assert registered.ask(217, {}, QUEUES).code == 0
    assert registered.ask(217, None, QUEUES).code == 0
    assert set(registered.topics) == {"T1", "T2"}


def test_a_body_that_cannot_be_read(registered: World) -> None:
    answer = registered.ask(217, {"topic": "N"}, b"{")
    assert answer.code == 1 and answer.remark is not None
    assert answer.remark.startswith("topic route cannot be read")


def test_a_registered_topic_goes_with_its_broker(registered: World) -> None:
    registered.ask(217, {"topic": "N"}, QUEUES)
    registered.ask(104, Broker().ext_fields)
    assert registered.topics == {}

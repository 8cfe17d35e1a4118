"""105, 106, 206, 224, 304 and 311 to 313 as requests."""

import pytest

from namesrv.testing.peer import Broker, binary_request, read_answers, request
from tests.routing.world import World

NO_ROUTE = (
    "No topic route info in name server for the topic: {}\n"
    "See https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."
)


@pytest.fixture
def registered(world: World) -> World:
    world.register()
    return world


# --- lookups --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "wish", "standard"),
    [(317, None, False), (400, None, False), (401, None, True), (479, "no", True)]
    + [(0, "true", True), (-1, "TRUE", True), (317, "1", False)],
)
def test_the_dialect_follows_version_and_wish(
    registered: World, version: int, wish: str | None, standard: bool
) -> None:
    fields = {"topic": "T1", "acceptStandardJsonOnly": wish}
    for _ in range(2):
        body = registered.ask(105, fields, version=version).body
        assert (b'{"0":' in body) is standard
        assert (b"{0:" in body) is not standard


def test_the_second_lookup_is_hot_and_the_same(registered: World) -> None:
    cold_calls = registered.processor.cold_calls
    answers = [
        registered.send(write(105, {"topic": "T1"}, opaque=4))
        for write in (request, request, binary_request)
    ]
    assert len(set(answers)) == 1
    assert registered.processor.cold_calls == cold_calls + 1


@pytest.mark.parametrize("fields", [None, {}, {"topic": None}])
def test_no_topic_is_shown_as_null(
    world: World, fields: dict[str, str | None] | None
) -> None:
    answer = world.ask(105, fields)
    assert (answer.code, answer.remark) == (17, NO_ROUTE.format("null"))
    assert answer.ext_fields is None and answer.body == b""


@pytest.mark.parametrize("topic", ["unknown", "", "TBW102", "é中😀", 'quote"', "a\nb"])
def test_unknown_topics(world: World, topic: str) -> None:
    answer = world.ask(105, {"topic": topic})
    assert (answer.code, answer.remark) == (17, NO_ROUTE.format(topic))


def test_unknown_topics_leave_no_trace(registered: World) -> None:
    for number in range(100):
        registered.ask(105, {"topic": f"unknown{number}"})
    assert len(registered.tables.route_answers) == 2


def test_the_order_configuration_is_shown_if_the_option_says_so() -> None:
    world = World(order_message_enable=True)
    world.register()
    fields = {"namespace": "ORDER_TOPIC_CONFIG", "key": "T1", "value": "b:4"}
    assert "orderTopicConf" not in world.route("T1")
    world.ask(100, fields)
    assert world.route("T1")["orderTopicConf"] == "b:4"
    assert "orderTopicConf" not in world.route("T2")
    world.ask(100, {**fields, "value": "b:8"})
    assert world.route("T1")["orderTopicConf"] == "b:8"
    world.ask(102, fields)
    assert "orderTopicConf" not in world.route("T1")
    world.ask(100, {**fields, "value": ""})
    assert world.route("T1")["orderTopicConf"] == ""
    world.ask(318, None, b"orderMessageEnable=false")
    assert "orderTopicConf" not in world.route("T1")


# --- cluster-test mode (2.23) ---------------------------------------------------------


@pytest.fixture
def testing() -> World:
    world = World(cluster_test=True, need_wait_for_service=True)
    world.register()
    return world


def test_local_topics_come_first_and_legacy(testing: World) -> None:
    fields = {"namespace": "ORDER_TOPIC_CONFIG", "key": "T1", "value": "b:4"}
    testing.ask(100, fields)
    body = testing.ask(105, {"topic": "T1"}).body
    assert b"{0:" in body and b'"orderTopicConf":"b:4"' in body
    assert testing.queries == []


def test_unknown_topics_are_asked_elsewhere(testing: World) -> None:
    assert testing.send(request(105, {"topic": "far"}, opaque=6)) == b""
    (query,) = testing.queries
    assert query.topic == "far"
    query.done(b'{"far":1}')
    testing.flush()
    (answer,) = read_answers(testing.late_output[testing.connection])
    assert (answer.code, answer.header["opaque"]) == (0, 6)
    assert answer.body == b'{"far":1}'


def test_what_nobody_knows_is_code_17(testing: World) -> None:
    testing.send(request(105, {"topic": "far"}, opaque=6))
    testing.queries[0].done(None)
    testing.flush()
    (answer,) = read_answers(testing.late_output[testing.connection])
    assert (answer.code, answer.remark) == (17, NO_ROUTE.format("far"))


def test_a_one_way_question_is_not_answered(testing: World) -> None:
    testing.send(request(105, {"topic": "far"}, flag=2))
    testing.queries[0].done(b"{}")
    testing.flush()
    assert testing.late_output[testing.connection] == b""


def test_only_the_lookup_is_replaced(testing: World) -> None:
    assert testing.ask(105).code == 17
    assert testing.ask(106).code == 0
    assert testing.ask(904, Broker().ext_fields).code == 0


# --- lists ----------------------------------------------------------------------------


def test_the_list_of_all_topics_can_be_switched_off(registered: World) -> None:
    assert registered.ask(206).json == {"topicList": ["T1", "T2"]}
    assert registered.event("list of all topics asked for") == {
        "remote": "10.0.0.9:40000"
    }
    registered.ask(318, None, b"enableAllTopicList=false")
    answer = registered.ask(206)
    assert (answer.code, answer.remark, answer.body) == (1, "disable", b"")
    assert registered.events[-1].event == "request failed"
    assert registered.ask(224, {"cluster": "c1"}).code == 0


@pytest.mark.parametrize("code", [224, 311, 312, 313])
def test_the_other_lists_can_be_switched_off(registered: World, code: int) -> None:
    assert registered.ask(code, {"cluster": "c1"}).code == 0
    registered.ask(318, None, b"enableTopicList=false")
    answer = registered.ask(code, {"cluster": "c1"})
    assert (answer.code, answer.remark, answer.body) == (1, "disable", b"")
    assert answer.ext_fields is None
    assert registered.ask(206).code == 0
    assert registered.ask(304).code == 0


def test_topics_of_a_cluster(registered: World) -> None:
    assert registered.ask(224, {"cluster": "c1"}).json == {"topicList": ["T1", "T2"]}
    assert registered.ask(224).json == {"topicList": []}


@pytest.mark.parametrize("code", [106, 206, 224, 304, 311, 312, 313])
def test_lists_have_no_ext_fields_and_no_remark(registered: World, code: int) -> None:
    answer = registered.ask(code, {"cluster": "c1"})
    assert answer.ext_fields is None and answer.remark is None
    assert answer.body is not None

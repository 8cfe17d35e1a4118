"""`/v1/topics/{topic}/route`: the same content as the answer to code 105."""

import json
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from namesrv.admin.http.messages import HttpAnswer, HttpRequest
from namesrv.routing.outbox import RouteQuery
from namesrv.testing.peer import (
    Broker,
    mapping_info,
    registration_body,
    topic_table,
)
from namesrv.testing.peer.json_text import read_json
from namesrv.work import WAIT, finish
from tests.admin.api.asking import Api
from tests.routing.world import RELOAD

VERSIONS = [0, 400, 401, 475, 476, 479]


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def as_sent(value: Any) -> Any:
    """The record with RocketMQ's names, without members that are null."""
    if isinstance(value, dict):
        return {camel(k): as_sent(v) for k, v in value.items() if v is not None}
    return [as_sent(item) for item in value] if isinstance(value, list) else value


def assert_same(api: Api, topic: str, version: int, zone: str = "") -> None:
    fields = {"topic": topic}
    if zone:
        fields |= {"__ZONE_MODE": "true", "__ZONE_NAME": zone}
    wanted = api.world.ask(105, fields, version=version)
    query = f"version={version}" + (f"&zone={zone}" if zone else "")
    answer = api.ask(f"/v1/topics/{topic}/route?{query}")
    if wanted.code == 0:
        assert answer.status == 200
        route = answer.json
        assert route.pop("topic") == topic
        for broker in route["broker_datas"]:
            assert all(key.lstrip("-").isdigit() for key in broker["broker_addrs"])
        # The kit reads no name of a member that is the bare word null.
        body = wanted.body.replace(b"{null:", b'{"null":')
        assert as_sent(route) == read_json(body)
    else:
        statuses = {17: 404, 1: 503, 1500: 503}
        assert answer.status == statuses[wanted.code], wanted
    again = api.world.ask(105, fields, version=version)
    assert again.body == wanted.body


@pytest.fixture
def api() -> Api:
    """Groups in two zones, one without a master, a static topic, filter servers."""
    api = Api(order_message_enable=True, support_acting_master=True)
    world = api.world
    world.register(
        Broker("a", 0, "10.0.0.1:1"),
        registration_body(
            topic_table("T", "U"),
            mappings={"U": mapping_info("U", "a")},
            filters=["f:1", None],
        ),
        ext={"__ZONE_NAME": "east"},
    )
    world.register(Broker("a", 1, "10.0.0.2:1"), ext={"__ZONE_NAME": "east"})
    world.register(
        Broker("b", 0, "10.0.0.3:1"),
        registration_body(topic_table("T", "V", perm=4)),
        ext={"__ZONE_NAME": "west"},
    )
    world.register(
        Broker("c", 7, "10.0.0.4:1"),
        registration_body(topic_table("T", "V", perm=4)),
        ext={"enableActingMaster": "true"},
    )
    fields = {"namespace": "ORDER_TOPIC_CONFIG", "key": "T", "value": "a:4;1:2,{3:4"}
    assert world.ask(100, fields).code == 0
    return api


@pytest.mark.parametrize("zone", ["", "east", "WEST", "nowhere"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_route_has_the_content_of_105(api: Api, version: int, zone: str) -> None:
    for topic in ("T", "U", "V", "unknown"):
        assert_same(api, topic, version, zone)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_drain_sends_the_same_clients_away(api: Api, version: int) -> None:
    api.world.state.drain(api.world.now_ms)
    assert_same(api, "T", version)


@pytest.mark.parametrize("version", [400, 479])
def test_the_start_up_gate_holds_for_both(version: int) -> None:
    api = Api(need_wait_for_service=True)
    api.register({"T": 1, "U": 1})
    assert_same(api, "T", version)
    api.world.now_ms += 46_000
    assert_same(api, "T", version)
    assert api.ask("/v1/topics/T/route").status == 200


@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
    st.sampled_from(VERSIONS),
)
def test_odd_names_come_through(text: str, version: int) -> None:
    api = Api(order_message_enable=True)
    broker = Broker(f"b{text}", 0, f"{text}:1", f"c{text}")
    api.world.register(broker, registration_body(topic_table("T", "U")))
    fields = {"namespace": "ORDER_TOPIC_CONFIG", "key": "T", "value": text}
    assert api.world.ask(100, fields).code == 0
    assert_same(api, "T", version)


def test_a_route_of_many_groups_is_read_in_steps() -> None:
    api = Api()
    for number in range(1200):
        broker = Broker(f"b{number}", 0, f"10.0.{number % 250}.1:{number + 1}")
        api.register({"T": 1, "U": 1}, broker)
    for version in (400, 479):
        api.units.clear()
        route = api.get(f"/v1/topics/T/route?version={version}")
        assert len(route["broker_datas"]) == len(route["queue_datas"]) == 1200
        assert len(api.units) > 10
        assert max(api.units) <= 2000


@pytest.mark.parametrize("version", [400, 479])
@pytest.mark.parametrize("zone", ["", "z"])
@pytest.mark.parametrize(
    "odd", [{"epoch": 2**60}, {"bname": None}, {"currIdMap": None}, {"scope": None}]
)
def test_odd_mappings_come_through(
    version: int, zone: str, odd: dict[str, object]
) -> None:
    api = Api()
    info: Any = mapping_info("T", "a")
    body = registration_body(topic_table("T", "U"), mappings={"T": {**info, **odd}})
    api.world.register(Broker("a"), body, ext={"__ZONE_NAME": "z"})
    assert "topicQueueMappingByBroker" in api.world.route("T")
    assert_same(api, "T", version, zone)


def test_large_routes_are_read_back_one_at_a_time() -> None:
    api = Api()
    for number in range(900):
        api.register({"T": 1, "U": 1}, Broker(f"b{number}", 0, f"10.0.0.1:{number}"))
    api.get("/v1/topics/T/route")
    request = HttpRequest("GET", "/v1/topics/T/route")
    connection = api.world.connection
    first, second = (api.application.handle(request, connection, 0) for _ in "12")
    assert isinstance(first, Generator) and isinstance(second, Generator)
    assert next(first) != WAIT
    assert next(second) == WAIT
    finish(first)
    answer = finish(second)
    assert isinstance(answer, HttpAnswer)
    body = answer.body
    assert len(json.loads(body)["queue_datas"]) == 900


def test_another_cluster_is_asked_in_test_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(cluster_test=True)
    api.register({"T": 1, "U": 1})
    monkeypatch.setattr(api.world, "queries", Answering())
    assert api.get("/v1/topics/T/route")["topic"] == "T"
    assert api.get("/v1/topics/Elsewhere/route")["queue_datas"] == []
    assert api.ask("/v1/topics/Nowhere/route").status == 404


class Answering(list[RouteQuery]):
    """The other cluster, which knows one topic."""

    def append(self, query: RouteQuery) -> None:
        body = b'{"brokerDatas":[],"queueDatas":[],"filterServerTable":{}}'
        query.done(body if query.topic == "Elsewhere" else None)


def test_a_tag_follows_the_order_configuration(api: Api) -> None:
    tag = api.ask("/v1/topics/T/route").headers["ETag"]
    assert api.ask("/v1/topics/T/route", if_none_match=tag).status == 304
    fields = {"namespace": "ORDER_TOPIC_CONFIG", "key": "T", "value": "a:8"}
    api.world.ask(100, fields)
    assert api.ask("/v1/topics/T/route", if_none_match=tag).status == 200


@pytest.mark.parametrize(
    ("name", "value"), [("orderMessageEnable", False), ("supportActingMaster", False)]
)
def test_a_tag_follows_the_options(api: Api, name: str, value: bool) -> None:
    tag = api.ask("/v1/topics/T/route").headers["ETag"]
    api.world.state.configuration.apply({name: value}, RELOAD)
    assert api.ask("/v1/topics/T/route", if_none_match=tag).status == 200


def test_a_drain_ends_a_tag(api: Api) -> None:
    tag = api.ask("/v1/topics/T/route").headers["ETag"]
    api.world.state.drain(api.world.now_ms)
    assert api.ask("/v1/topics/T/route", if_none_match=tag).status == 503

"""`/v1/missing`: topics without a route, by the number of their lookups."""

from typing import Any

import pytest

from namesrv.testing.peer import Broker, lookup, request
from tests.admin.api.asking import Api
from tests.routing.world import WALL_MILLIS


def ask(api: Api, *topics: str) -> None:
    for topic in topics:
        api.world.send(lookup(topic, version=401))
        api.world.now_ms += 100
        api.world.state.missing.tick(api.world.now_ms)


@pytest.fixture
def api() -> Api:
    """A server with two topics, which was asked for others."""
    api = Api()
    api.register({"OrderTopic": 1, "Payments": 1})
    ask(api, "OrderTopik", "Other", "OrderTopik", "Payments", "Orders", "OrderTopik")
    return api


def listed(api: Api, target: str = "/v1/missing") -> list[Any]:
    return list(api.get(target)["topics"])


def test_topics_are_in_the_order_of_their_lookups(api: Api) -> None:
    page = api.get("/v1/missing")
    assert [(one["topic"], one["count"]) for one in page["topics"]] == [
        ("OrderTopik", 3),
        ("Other", 1),
        ("Orders", 1),
    ]
    assert (page["total"], page["left_out"]) == (3, 0)


def test_each_has_its_askers_and_the_nearest_topic(api: Api) -> None:
    first, *_ = listed(api)
    assert first["nearest"] == "OrderTopic"
    assert first["first_millis"] == first["last_millis"] == WALL_MILLIS
    assert first["askers"] == [
        {
            "address": "10.0.0.9:40000",
            "language": "JAVA",
            "version": 401,
            "last_millis": WALL_MILLIS,
        }
    ]
    other = listed(api, "/v1/missing?prefix=Oth")
    assert [(one["topic"], one["nearest"]) for one in other] == [("Other", None)]


def nearest_of(api: Api, topic: str) -> str | None:
    (one,) = listed(api, f"/v1/missing?prefix={topic}")
    nearest: str | None = one["nearest"]
    return nearest


@pytest.mark.parametrize("topic", ["ordertopic", "ORDER_TOPIC", "ns%25OrderTopic"])
def test_a_name_that_differs_only_in_its_spelling_is_the_nearest(
    api: Api, topic: str
) -> None:
    ask(api, topic.replace("%25", "%"))
    assert nearest_of(api, topic) == "OrderTopic"


def test_the_nearest_topic_is_kept_for_a_minute(api: Api) -> None:
    assert nearest_of(api, "OrderTopik") == "OrderTopic"
    api.units.clear()
    assert nearest_of(api, "OrderTopik") == "OrderTopic"
    assert sum(api.units) < 500
    api.world.now_ms += 60_000
    assert nearest_of(api, "OrderTopik") == "OrderTopic"
    assert sum(api.units) >= 500


def test_a_nearest_topic_that_comes_is_found_at_once(api: Api) -> None:
    assert nearest_of(api, "Other") is None
    api.units.clear()
    assert nearest_of(api, "Other") is None
    assert sum(api.units) < 500
    api.register({"Otherr": 1, "OrderTopic": 1}, Broker("b2", 0, "10.0.0.2:1"))
    assert nearest_of(api, "Other") == "Otherr"


def test_a_nearest_topic_that_is_gone_is_found_anew(api: Api) -> None:
    assert nearest_of(api, "OrderTopik") == "OrderTopic"
    api.world.drop_topic("OrderTopic")
    assert nearest_of(api, "OrderTopik") is None


def test_a_part_of_the_topics_can_be_had(api: Api) -> None:
    assert len(listed(api, "/v1/missing?limit=1")) == 1
    assert len(listed(api, "/v1/missing?prefix=Order")) == 2
    assert api.ask("/v1/missing?limit=0").status == 400


def test_a_hidden_list_of_topics_stays_hidden() -> None:
    api = Api(enable_all_topic_list=False)
    api.register({"OrderTopic": 1, "Payments": 1})
    ask(api, "OrderTopik")
    (one,) = listed(api)
    assert one["nearest"] is None


def test_lookups_over_http_are_those_of_people(api: Api) -> None:
    assert api.ask("/v1/topics/nowhere/route").status == 404
    ask(api, "Other")
    assert "nowhere" not in {one["topic"] for one in listed(api)}


def test_a_name_that_is_no_unicode_is_listed(api: Api) -> None:
    api.world.send(request(105, {"topic": "\ud800"}))
    api.world.state.missing.tick(api.world.now_ms)
    assert "?" in {one["topic"] for one in listed(api)}

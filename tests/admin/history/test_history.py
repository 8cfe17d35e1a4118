"""`/v1/history`: events, filters, pages."""

from typing import Any
from urllib.parse import quote, urljoin

import pytest
from msgspec import structs

from namesrv.admin.history.facts import EventFacts
from namesrv.admin.history.filters import EVENT_TYPES
from namesrv.routing import events
from namesrv.routing.events import Event, KvChanged
from namesrv.testing.peer import Broker
from tests.admin.api.asking import Api

A = Broker("broker-a", 0, "10.0.0.1:10911", "c1")
B = Broker("broker-b", 0, "10.0.0.2:10911", "c1")


@pytest.fixture
def api() -> Api:
    """Two brokers that came, a topic that went, a broker that went."""
    api = Api()
    api.register({"T": 4, "U": 4}, A)
    api.register({"T": 8, "W": 8}, B)
    api.ask("/v1/topics/U", "DELETE")
    api.world.ask(104, A.ext_fields)
    api.world.flush()
    return api


def types(page: Any) -> list[str]:
    return [event["type"] for event in page["events"]]


def numbers(page: Any) -> list[int]:
    return [event["number"] for event in page["events"]]


def test_it_has_the_last_events_newest_first(api: Api) -> None:
    page = api.get("/v1/history")
    assert page["run"] == api.world.state.run
    assert (page["first"], page["last"]) == (1, 4)
    assert types(page) == [
        "BrokerUnregistered",
        "TopicRemoved",
        "BrokerRegistered",
        "BrokerRegistered",
    ]
    assert "next" not in page
    gone = page["events"][0]
    assert gone["cause"]["request_code"] == 104
    assert gone["topics"] == {"removed": ["T"]}
    assert gone["is_group_gone"] is True
    assert "topic" not in gone


def test_topics_are_counted_where_lists_of_them_are_switched_off(api: Api) -> None:
    api.world.state.options.enable_all_topic_list = False
    gone, *_, came = api.get("/v1/history")["events"]
    assert (gone["topics"], gone["topics_left_out"]) == ({}, {"removed": 1})
    assert (came["topics"], came["topics_left_out"]) == ({}, {"added": 2})
    asked = api.get("/v1/history?topic=T")["events"][-1]
    assert asked["topics"] == {"added": ["T"]}
    assert asked["topics_left_out"] == {"added": 1}
    assert api.ask("/v1/history/between?from=0s&to=0s").status == 403


def test_events_of_a_topic(api: Api) -> None:
    assert numbers(api.get("/v1/history?topic=U")) == [3, 1]
    assert numbers(api.get("/v1/history?topic=T")) == [4, 2, 1]
    assert numbers(api.get("/v1/history?topic=nothing")) == []


def test_a_broker_is_named_by_its_group_or_its_address(api: Api) -> None:
    assert numbers(api.get("/v1/history?broker=broker-b")) == [2]
    assert numbers(api.get("/v1/history?broker=10.0.0.1:10911")) == [4, 1]
    assert numbers(api.get("/v1/history?broker=broker-a")) == [4, 3, 1]


def test_a_name_of_one_kind_is_not_taken_for_another(api: Api) -> None:
    assert numbers(api.get("/v1/history?topic=broker-a")) == []
    assert numbers(api.get("/v1/history?broker=T")) == []


def test_types_are_joined_by_commas(api: Api) -> None:
    found = api.get("/v1/history?type=TopicRemoved,BrokerUnregistered")
    assert numbers(found) == [4, 3]


def test_an_unknown_type_names_the_similar_one() -> None:
    answer = Api().ask("/v1/history?type=TopicRemove")
    assert answer.status == 400
    assert answer.json["similar"] == ["TopicRemoved"]
    assert "'TopicRemove'" in answer.json["detail"]


def test_since_a_moment() -> None:
    api = Api()
    for wall_millis in (20_000_000_000, 30_000_000_000, 40_000_000_000):
        put_key(api, wall_millis)
    assert numbers(api.get("/v1/history?since=30000000000")) == [3, 2]
    assert numbers(api.get("/v1/history?since=1970-12-14T05:20:00Z")) == [3, 2]
    assert numbers(api.get("/v1/history?since=1970-12-14T05:20:00.001")) == [3]
    assert numbers(api.get("/v1/history?since=1m")) == []


def put_key(api: Api, wall_millis: int, key: str = "k") -> None:
    events = api.world.state.events
    cause = events_cause()
    events.put(KvChanged(wall_millis, cause, "space", key, is_deleted=False))
    api.world.flush()


def events_cause() -> events.Cause:
    return events.Cause(events.CauseKind.REQUEST, 100, "10.0.0.9:1")


def test_a_clock_that_was_set_back_hides_no_event() -> None:
    api = Api()
    for wall_millis in (40_000_000_000, 20_000_000_000, 30_000_000_000):
        put_key(api, wall_millis)
    page = api.get("/v1/history?since=30000000000")
    assert numbers(page) == [3, 1]


@pytest.mark.parametrize("text", ["soon", "10", "10m5", "2026-13-01", "9" * 300, ""])
def test_a_wrong_moment_is_a_sentence(text: str) -> None:
    answer = Api().ask(f"/v1/history?since={text}")
    assert answer.status == 400
    assert "expected an age such as 10m" in answer.json["detail"]
    assert len(answer.json["detail"]) < 300
    assert answer.json["errors"][0]["path"] == "$.since"


def test_pages_go_back_to_the_first_event_whatever_comes_meanwhile(api: Api) -> None:
    target, seen = "/v1/history?limit=1&since=1h", []
    while True:
        page = api.get(target)
        seen += numbers(page)
        put_key(api, 1)
        if "next" not in page:
            break
        target = urljoin(target, page["next"])
        assert "since=1h" not in target
    assert seen == [4, 3, 2, 1]


def test_after_a_number(api: Api) -> None:
    assert numbers(api.get("/v1/history?after=2")) == [4, 3]
    assert numbers(api.get("/v1/history?after=1&before=4")) == [3, 2]


def test_a_long_history_is_read_in_steps() -> None:
    api = Api()
    for number in range(3000):
        put_key(api, 1, f"key-{number}")
    api.units.clear()
    assert numbers(api.get("/v1/history?topic=key-1")) == []
    assert len(api.units) > 5
    assert max(api.units) < 1000
    found = numbers(api.get("/v1/history?limit=500"))
    assert found == list(range(3000, 2500, -1))


def test_long_events_end_a_page_early() -> None:
    api = Api()
    for number in range(10):
        topics = {f"{number:x}" * 100 + str(n): 1 for n in range(1000)}
        api.register(topics, Broker(f"b{number}", 0, f"10.0.0.{number}:1"))
    page = api.get("/v1/history")
    assert len(page["events"]) < 10
    assert "next" in page


def test_without_a_ring_the_numbers_go_on() -> None:
    api = Api(history_bytes=0)
    put_key(api, 1)
    page = api.get("/v1/history")
    assert (page["first"], page["last"], page["events"]) == (2, 1, [])


def test_a_name_with_a_lone_surrogate_is_found_and_shown() -> None:
    api = Api()
    api.register({"T\ud800": 1, "V": 2}, A)
    name = quote("T\ud800", errors="surrogatepass")
    page = api.get(f"/v1/history?topic={name}")
    assert page["events"][0]["topics"]["added"] == ["T?", "V"]
    assert numbers(api.get("/v1/history?topic=V")) == [1]


def test_every_fact_of_every_event_is_a_member() -> None:
    members = {field.name for field in structs.fields(EventFacts)}
    for kind in EVENT_TYPES:
        facts = set(getattr(events, kind).__struct_fields__)
        assert facts - {"wall_millis"} <= members, kind
    assert issubclass(events.TopicRemoved, Event)
    assert {"BrokerRegistered", "LeftoverRemoved", "ConfigChanged"} <= set(EVENT_TYPES)


def test_it_can_be_had_as_messagepack(api: Api) -> None:
    page = api.get("/v1/history", accept="application/msgpack")
    assert numbers(page) == [4, 3, 2, 1]

"""Explanations of a topic on very many brokers: bounded, and in short steps."""

from typing import Any

import pytest

from namesrv.codes import RequestCode
from namesrv.routing.history.explain import evidence
from namesrv.testing.peer import Broker
from tests.admin.api.asking import Api


def registered(groups: int, brokers: int, suffix: str = "") -> Api:
    """A topic on groups of so many brokers, with addresses that take long to check."""
    api = Api()
    for number in range(groups * brokers):
        group, broker_id = divmod(number, brokers)
        name, addr = f"b-{group:03}{suffix}", f"[fe90::{number:x}:1]:10911"
        api.register({"Orders": 4, "Bills": 4}, Broker(name, broker_id, addr))
    return api


def explained(api: Api) -> tuple[Any, int]:
    """The evidence, and the number of groups in it."""
    found = api.get("/v1/topics/Orders/explain")["evidence"]
    return found, len({one["broker"] for one in found["brokers"]})


def test_at_most_64_groups_are_examined_and_the_others_are_counted() -> None:
    found, groups = explained(registered(70, 1))
    assert (groups, found["groups_left_out"]) == (64, 6)


def test_at_most_256_brokers_of_all_groups_are_examined() -> None:
    found, groups = explained(registered(10, 60))
    assert (len(found["brokers"]), groups) == (240, 4)
    assert found["groups_left_out"] == 6


def test_long_names_leave_room_for_few_groups() -> None:
    found, groups = explained(registered(20, 1, suffix="x" * 4_000))
    assert (groups, found["groups_left_out"]) == (16, 4)


def test_an_explanation_goes_in_short_steps() -> None:
    api = registered(10, 60)
    api.units.clear()
    explained(api)
    assert max(api.units) <= 64 * 16 + 2
    assert sum(api.units) > 240 * 16


def test_each_address_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    api = registered(3, 2)
    checked = []

    def flaw(address: str) -> str:
        checked.append(address)
        return ""

    monkeypatch.setattr(evidence, "flaw", flaw)
    explained(api)
    assert len(checked) == len(set(checked)) == 6


def test_an_event_names_few_of_its_groups() -> None:
    api = registered(40, 1)
    api.world.ask(RequestCode.DELETE_TOPIC_IN_NAMESRV, {"topic": "Orders"})
    found = api.get("/v1/topics/Orders/explain")["evidence"]["gone"]
    last = found[0]
    assert last["type"] == "TopicRemoved"
    assert (len(last["brokers"]), last["brokers_left_out"]) == (16, 24)


def test_events_with_long_names_are_few() -> None:
    api = registered(20, 1, suffix="x" * 4_000)
    api.world.ask(RequestCode.DELETE_TOPIC_IN_NAMESRV, {"topic": "Orders"})
    found = api.get("/v1/topics/Orders/explain")["evidence"]["gone"]
    assert [one["type"] for one in found] == ["TopicRemoved"]

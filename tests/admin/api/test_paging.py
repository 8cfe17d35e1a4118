"""All pages together are all entries, also while others come and go."""

from urllib.parse import quote, urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from namesrv.admin.api.pages import MOST_VISITED, NamedPageParameters, names_page
from namesrv.routing.tables.ordered_texts import OrderedTexts
from namesrv.testing.peer import Broker
from namesrv.wire.java_json.write import write_string
from tests.admin.api.asking import Api

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
CHANGE = st.lists(st.tuples(st.booleans(), NAMES), max_size=5)
LIMITS = st.integers(1, 7)
ANCHORS = {"anchor-1": 1, "anchor-2": 1}


def asked(api: Api, target: str, changes: list[list[tuple[bool, str]]]) -> list[str]:
    """The names of all pages; before each page but the first some topics come or go."""
    found: list[str] = []
    while True:
        page = api.get(target)
        found += [item["topic"] for item in page["items"]]
        if "next" not in page:
            return found
        for comes, name in changes.pop() if changes else ():
            if comes:
                api.register(ANCHORS | {name: 1})
            else:
                api.world.drop_topic(name)
        target = urljoin(target, page["next"])


@given(st.sets(NAMES, max_size=40), st.lists(CHANGE, max_size=8), LIMITS, st.booleans())
def test_pages_hold_every_topic_that_stays_once(
    names: set[str], changes: list[list[tuple[bool, str]]], limit: int, is_late: bool
) -> None:
    api = Api()
    if is_late:
        api.get("/v1/topics")
    api.register(ANCHORS | dict.fromkeys(names, 1))
    before = set(api.world.topics)
    touched = {name for change in changes for _, name in change}
    found = asked(api, f"/v1/topics?limit={limit}", changes)
    assert len(found) == len(set(found))
    assert before - touched <= set(found) <= before | touched


@given(st.sets(NAMES, max_size=40), NAMES, LIMITS)
def test_pages_of_a_prefix_hold_all_of_it(
    names: set[str], prefix: str, limit: int
) -> None:
    api = Api()
    api.register(ANCHORS | dict.fromkeys(names, 1))
    for name in [*names, prefix]:
        start = name[:1]
        quoted = "".join(f"%{byte:02x}" for byte in start.encode())
        items = api.pages(f"/v1/topics?limit={limit}&prefix={quoted}")
        wanted = [topic for topic in api.world.topics if topic.startswith(start)]
        assert [item["topic"] for item in items] == sorted(wanted)


def test_a_name_of_a_lone_surrogate_is_listed_and_passed() -> None:
    api = Api()
    odd = "odd\ud800name"
    api.register(ANCHORS | {odd: 1, "zzz": 1})
    assert odd in api.world.topics
    items = api.pages("/v1/topics?limit=1")
    assert [item["topic"] for item in items] == [
        name.replace("\ud800", "?") for name in sorted(api.world.topics)
    ]
    (item,) = (item for item in items if item["topic"] == "odd?name")
    assert api.get(f"/v1/{item['link']}")["topic"] == "odd?name"
    assert api.get(f"/v1/{item['link']}/route")["topic"] == "odd?name"
    assert api.ask("/v1/topics/oddname").json["similar"] == ["odd?name"]
    assert api.ask("/v1/topics/%ED%A0%80").status == 404
    packed = api.ask(f"/v1/{item['link']}", accept="application/msgpack")
    assert packed.json["topic"] == "odd?name"


def test_a_page_of_long_names_ends_early() -> None:
    api = Api()
    for number in range(20):
        topics = {f"{number:02}-{n}" + "x" * 4000: 1 for n in range(10)}
        api.register(topics, Broker(f"b{number}", 0, f"10.0.0.{number}:1"))
    page = api.get("/v1/topics?limit=500")
    assert len(page["items"]) == 66
    assert len(api.pages("/v1/topics?limit=500")) == len(api.world.topics)


@pytest.mark.parametrize("place", ["", "/behind/a/proxy"])
def test_links_hold_below_a_path_of_a_proxy(place: str) -> None:
    api = Api()
    odd = dict.fromkeys(["..", ".", "a/b", "a:b", "?q#f", "%41", "\u00e9 +&=;"], 1)
    api.register(odd | ANCHORS, Broker("..", cluster="c/1"))
    for name in odd:
        api.ask(f"/v1/kv/{quote(name, safe='')}/k", "PUT", {"value": "v"})
    for path in ("/v1/topics", "/v1/clusters", "/v1/brokers", "/v1/kv"):
        address = f"{place}{path}?limit=2"
        while address:
            page = api.get(address.removeprefix(place))
            for item in page["items"]:
                linked = urljoin(address, item["link"])
                assert linked.startswith(f"{place}/v1/")
                found = api.get(linked.removeprefix(place))
                assert item.get("topic") in (None, found.get("topic"))
            following = page.get("next")
            address = urljoin(address, following) if following else ""


def test_a_long_list_comes_in_steps_of_a_turn() -> None:
    api = Api()
    for number in range(4):
        topics = {f"t{number}-{n:04}": 1 for n in range(3000)}
        api.register(topics, Broker(f"b{number}", 0, f"10.0.0.{number}:1"))
    first = api.get("/v1/topics?limit=500")
    assert len(first["items"]) == 500
    assert max(api.units) <= 1000
    api.units.clear()
    api.get(f"/v1/topics{first['next']}")
    assert sum(api.units) < 5000, "the names are kept in order"
    api.units.clear()
    assert api.get("/v1/topics?problem=any")["items"] == []
    assert max(api.units) <= 1000


def test_long_names_take_steps_by_their_length() -> None:
    texts = OrderedTexts(write_string)
    for number in range(64):
        texts.add(f"{number:04}" + "é" * 4092)
    steps = names_page(texts, NamedPageParameters(), lambda name: Struct(), 3)
    units = []
    try:
        while True:
            units.append(next(steps))
    except StopIteration as stop:
        assert len(stop.value.items) == 64
    assert sum(units) >= 64 * 4096 // 16
    assert max(units) <= 1000


def test_a_page_whose_filter_passes_nothing_ends_and_has_a_next_one() -> None:
    api = Api()
    api.register({f"t{number:04}": 1 for number in range(MOST_VISITED + 10)})
    slave = Broker("late", 1, "10.0.0.9:1")
    api.register({"z1": 1, "z2": 1}, slave)
    page = api.get("/v1/topics?problem=no_master")
    assert page["items"] == []
    assert "problem=no_master" in page["next"]
    found = api.get(f"/v1/topics{page['next']}")["items"]
    assert [item["topic"] for item in found] == ["z1", "z2"]

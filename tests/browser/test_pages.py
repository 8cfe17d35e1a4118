"""Every page, light and dark, at a desk and on a phone: content, errors, axe."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Route

from namesrv.testing.peer import Broker
from tests.browser.looked_at import Looked
from tests.browser.site import HOSTILE, HOUR_MILLIS, Site

ORDER = [
    *("Clusters", "Brokers", "Last changes", "Addresses", "Topics", "Then and now"),
    *("Route", "Who asks", "History"),
]
NEW = Broker("broker-new", 0, "10.0.3.99:10911", "orders", HOUR_MILLIS)
Look = Callable[..., Looked]
PAGES = {
    "": ["Broker group broker-c of cluster edge has no master", "topics with a route"],
    "topics": ["Orders", "of 7 on this server"],
    "topics/Orders": ["Clients can send and receive", "10.0.3.11:10911", "master"],
    "topics/Payments": ["broker-c", "slave 1"],
    "topics/Ordrs": [
        "Who asks",
        "JAVA 479",
        "There is a similar name: Orders.",
        "namesrv explain Orders",
    ],
    "brokers": ["broker-a", "2 of 2", "no master"],
    "brokers/broker-a": ["10.0.3.12:10911", "StockLevels", "registered"],
    "brokers/nobody": ["nobody"],
    "missing": ["Ordrs", "Similar topic", "Orders", "Clients", "JAVA"],
    "history": ["Then and now", "Name", "Event", "registered"],
    "peers": ["This server has no peers to compare with"],
    "node": ["httpTokenFile", "Lookups of missing topics", "above 40 MiB"],
}


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("place", PAGES)
def test_a_page_is_whole(
    site: Site, look: Look, place: str, dark: bool, phone: bool
) -> None:
    looked = look(site.url, dark=dark, phone=phone).go(place)
    for text in PAGES[place]:
        if not phone:
            looked.sees(text)
    assert looked.violations() == []
    assert not looked.is_wider_than_the_window()
    assert looked.page.locator("main h1").count() == 1
    assert looked.first_kind() in ("H1", "P")


def test_an_unknown_address_leads_to_the_overview(site: Site, look: Look) -> None:
    looked = look(site.url).go("nowhere/%E0%A4%A")
    assert looked.page.inner_text("h1") == "Overview"


def test_names_of_peers_are_text_and_never_markup(site: Site, look: Look) -> None:
    looked = look(site.url).go("topics")
    looked.page.get_by_role("link", name=HOSTILE).click()
    looked.leads_to(HOSTILE)
    assert looked.page.locator("main img").count() == 0


def test_a_name_of_a_thousand_letters_is_cut(site: Site, look: Look) -> None:
    looked = look(site.url, phone=True).go("topics/" + "x" * 1000)
    assert not looked.is_wider_than_the_window()
    assert len(looked.page.inner_text("h1")) < 300


def test_a_name_that_is_too_long_for_a_path_is_a_sentence(
    site: Site, look: Look
) -> None:
    looked = look(site.url, may_fail=True).go("topics/" + "x" * 65_536)
    looked.sees("16384")


def test_filters_are_in_the_address_and_run_on_the_server(
    site: Site, look: Look
) -> None:
    looked = look(site.url).go("topics")
    looked.page.get_by_label("Name contains").fill("ORDER")
    looked.sees("1 topic shown")
    assert "q=ORDER" in looked.page.url
    looked.asks_for("contains=ORDER")
    looked.page.get_by_label("Name contains").fill("")
    looked.page.get_by_label("Only problems").click()
    looked.sees("Refunds")
    looked.asks_for("problem=any")


def test_the_route_is_that_of_a_version(site: Site, look: Look) -> None:
    looked = look(site.url).go("topics/Orders")
    looked.page.get_by_label("Version").select_option("4.9.4")
    looked.asks_for("/route?version=401")


def test_a_problem_leads_to_its_place(site: Site, look: Look) -> None:
    looked = look(site.url).go()
    looked.page.get_by_role("link", name="Broker group broker-c").click()
    looked.leads_to("broker-c")


def test_a_similar_name_comes_first_and_leads_to_its_topic(
    site: Site, look: Look
) -> None:
    looked = look(site.url).go("topics/Ordrs")
    first = looked.page.locator("main .say").first
    assert "There is a similar name: Orders." in first.inner_text()
    first.get_by_role("link", name="Orders", exact=True).click()
    looked.sees("Clients can send and receive")
    looked.leads_to("Orders")


@pytest.mark.parametrize("place", ["topics/Ordrs", "brokers/nobody"])
def test_the_advice_to_list_the_brokers_leads_to_them(
    site: Site, look: Look, place: str
) -> None:
    looked = look(site.url).go(place)
    looked.page.get_by_role("link", name="broker list").click()
    looked.sees("broker-c")
    looked.leads_to("Brokers")


def test_the_bar_of_the_memory_shows_its_growth(site: Site, look: Look) -> None:
    looked = look(site.url)
    looked.page.route("**/v1/node", _with_memory(resident=50 << 20, most=60 << 20))
    looked.go("node")
    looked.sees("The bar shows the growth above 40 MiB: 10 MiB of 20 MiB.")
    filled = looked.page.locator("svg.bar rect:not(.rail)")
    assert filled.get_attribute("width") == "50"


def test_memory_below_that_of_a_fresh_process_leaves_the_bar_empty(
    site: Site, look: Look
) -> None:
    looked = look(site.url)
    looked.page.route("**/v1/node", _with_memory(resident=39 << 20, most=41 << 20))
    looked.go("node")
    looked.sees("39 MiB in use")
    filled = looked.page.locator("svg.bar rect:not(.rail)")
    assert filled.get_attribute("width") == "0"


def _with_memory(resident: int, most: int) -> Callable[[Route], None]:
    """Answers with these bytes of memory in place of those of this machine."""

    def answer(route: Route) -> None:
        response = route.fetch()
        node = response.json()
        node["memory"] |= {"resident_bytes": resident, "most_bytes": most}
        route.fulfill(response=response, json=node)

    return answer


def test_a_slider_shows_what_was_different(own_site: Site, look: Look) -> None:
    looked = look(own_site.url).go("history")
    own_site.register(NEW, {"Fresh": 4, "Orders": 4})
    looked.sees("broker-new")
    slider = looked.page.get_by_role("slider")
    slider.focus()
    slider.press("Home")
    looked.sees("new on broker-new")
    assert looked.violations() == []


def test_pages_keep_their_order_on_the_way_from_one_to_the_other(
    site: Site, look: Look
) -> None:
    looked = look(site.url).go()
    for place in ("topics/Orders", "history", "brokers/broker-a", "topics/Ordrs", ""):
        looked.go(place)
        looked.sees("Event" if place else "Clusters")
        looked.page.wait_for_timeout(700)
        assert looked.first_kind() in ("H1", "P")
        titles = looked.page.locator("h2").all_inner_texts()
        assert titles == sorted(titles, key=ORDER.index)

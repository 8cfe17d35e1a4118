"""Changes come to an open page by themselves; a server that is gone is reported."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from namesrv.testing.peer import Broker
from tests.browser.looked_at import Looked
from tests.browser.site import HOUR_MILLIS, SECOND, Site

Look = Callable[..., Looked]
NEW = Broker("broker-new", 0, "10.0.3.99:10911", "orders", HOUR_MILLIS)


def test_a_new_broker_appears_and_a_lost_one_is_a_problem(
    own_site: Site, look: Look
) -> None:
    looked = look(own_site.url).go()
    own_site.register(NEW, {"Fresh": 4, "Orders": 4})
    looked.sees("broker-new")
    own_site.close(NEW)
    looked.sees("its connection was closed")
    assert looked.violations() == []


def test_the_page_of_a_topic_follows_its_route(own_site: Site, look: Look) -> None:
    looked = look(own_site.url).go("topics/Orders")
    looked.sees("broker-b")
    own_site.close(SECOND)
    looked.page.wait_for_function(
        "() => !document.querySelector('svg.queues[aria-label^=\"4 queues\"]')"
    )
    looked.sees("went" if "went" in looked.text() else "connection")


def test_a_server_that_is_gone_is_reported_and_the_content_stays(
    tmp_path: Path, look: Look
) -> None:
    with Site(tmp_path) as site:
        looked = look(site.url, may_fail=True).go("brokers")
        looked.sees("broker-a")
    looked.sees("The server does not answer.")
    assert "broker-a" in looked.text()
    looked.has_state("Not reachable")


def test_a_server_that_wants_tokens_is_read_with_one(
    tmp_path: Path, look: Look
) -> None:
    with Site(tmp_path, http_access="token") as site:
        looked = look(site.url, may_fail=True)
        looked.page.goto(site.url)
        looked.sees("This server asks for a token.")
        assert looked.page.locator("main .say").count() == 1
        looked.has_state("No access")
        assert looked.violations() == []
        looked.page.get_by_role("button", name="Enter token").click()
        assert looked.violations() == []
        looked.page.get_by_label("Token").fill("read-write-token-of-the-tests")
        looked.page.get_by_role("button", name="Use this token").click()
        looked.sees("broker-a")
        looked.page.get_by_role("button", name="Read only").wait_for()
        expect(looked.page.locator("header .state")).not_to_have_text("No access")


def test_a_token_that_is_no_longer_taken_can_be_replaced(
    tmp_path: Path, look: Look
) -> None:
    with Site(tmp_path, http_access="token") as site:
        looked = look(site.url, token="an-old-token-of-the-tests", may_fail=True)
        looked.page.goto(f"{site.url}#/topics/Orders")
        looked.sees("It does not take the token of this tab.")
        assert looked.page.locator("main .say").count() == 1
        looked.page.get_by_role("button", name="Enter token").click()
        looked.page.get_by_label("Token").fill("read-write-token-of-the-tests")
        looked.page.get_by_role("button", name="Use this token").click()
        looked.sees("Clients can send and receive")

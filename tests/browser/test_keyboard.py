"""The console without a mouse."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.looked_at import Looked
from tests.browser.site import TOKEN, Site

Look = Callable[..., Looked]


def test_the_first_stop_skips_to_the_content(site: Site, look: Look) -> None:
    looked = look(site.url).go()
    looked.page.keyboard.press("Tab")
    looked.has_focus("Skip to the content")
    looked.page.keyboard.press("Enter")
    expect(looked.page.locator("#main")).to_be_focused()
    assert looked.page.url.endswith("#/")


def test_all_pages_are_reached_by_tab_and_enter(site: Site, look: Look) -> None:
    looked = look(site.url).go()
    for name in (
        "Topics",
        "Brokers",
        "Missing topics",
        "History",
        "Peers",
        "This node",
    ):
        for _ in range(20):
            looked.page.keyboard.press("Tab")
            if looked.focused() == name:
                break
        looked.page.keyboard.press("Enter")
        looked.leads_to(name)
        expect(looked.page.locator("#main")).to_be_focused()
        looked.page.evaluate("() => document.querySelector('.skip').focus()")


def test_a_misspelt_topic_is_explained_and_leads_to_the_right_one(
    site: Site, look: Look
) -> None:
    looked = look(site.url).go()
    looked.page.get_by_label("Name of a topic").focus()
    looked.page.keyboard.type("Ordrs")
    looked.page.keyboard.press("Enter")
    looked.sees("There is a similar name")
    looked.page.keyboard.press("Tab")
    looked.has_focus("Topics")
    looked.page.keyboard.press("Tab")
    looked.has_focus("Orders")
    looked.page.keyboard.press("Enter")
    looked.sees("Clients can send and receive")


def test_a_question_takes_the_focus_and_gives_it_back(site: Site, look: Look) -> None:
    looked = look(site.url, token=TOKEN).go("topics/Orders")
    button = looked.page.get_by_role("button", name="Delete this topic")
    button.focus()
    looked.page.keyboard.press("Enter")
    looked.page.get_by_role("dialog").wait_for()
    looked.has_focus("Cancel")
    looked.page.keyboard.press("Escape")
    looked.page.get_by_role("dialog").wait_for(state="detached")
    looked.has_focus("Delete this topic")

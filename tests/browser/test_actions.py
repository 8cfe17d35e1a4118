"""Changes need a token, ask before they act, and show their effect."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.looked_at import Looked
from tests.browser.site import TOKEN, Site

Look = Callable[..., Looked]


def test_without_a_token_nothing_can_be_changed(site: Site, look: Look) -> None:
    looked = look(site.url).go("topics/Orders")
    assert looked.page.get_by_role("button", name="Delete").count() == 0
    looked.go("brokers/broker-a")
    assert looked.page.get_by_role("button", name="Make").count() == 0


def test_a_wrong_token_is_refused_and_a_right_one_allows_changes(
    site: Site, look: Look
) -> None:
    looked = look(site.url, may_fail=True).go("brokers/broker-a")
    page = looked.page
    page.get_by_role("button", name="Read only").click()
    assert looked.violations() == []
    page.get_by_label("Token").fill("a-wrong-token")
    page.get_by_role("button", name="Use this token").click()
    page.get_by_text("The token is not in the file").wait_for()
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Use this token").click()
    page.get_by_role("button", name="Changes allowed").wait_for()
    page.get_by_role("button", name="Make read only").wait_for()
    assert TOKEN not in page.url
    page.get_by_role("button", name="Changes allowed").click()
    page.get_by_role("button", name="Forget the token").click()
    page.get_by_role("button", name="Read only").wait_for()


def test_the_write_permission_is_taken_after_a_question(
    own_site: Site, look: Look
) -> None:
    looked = look(own_site.url, token=TOKEN).go("brokers/broker-a")
    page = looked.page
    page.get_by_role("button", name="Make read only").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("6 topics of this group will take no more messages")
    assert looked.violations() == []
    dialog.get_by_role("button", name="Cancel").click()
    assert "read only" not in page.inner_text("section")
    page.get_by_role("button", name="Make read only").click()
    dialog.get_by_role("button", name="Make read only").click()
    dialog.get_by_text("6 topics of broker-a changed.").wait_for()
    dialog.get_by_role("button", name="Close").click()
    looked.sees("read only")
    page.get_by_role("button", name="Make writable").click()
    dialog.get_by_role("button", name="Make writable").click()
    dialog.get_by_text("6 topics of broker-a changed.").wait_for()


def test_a_topic_is_deleted_after_a_question(own_site: Site, look: Look) -> None:
    # The topic is asked for once more, before the page knows that it is gone.
    looked = look(own_site.url, token=TOKEN, may_fail=True).go("topics/Invoices")
    page = looked.page
    page.get_by_role("button", name="Delete this topic").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 broker group")
    page.keyboard.press("Escape")
    assert own_site.look_up("Invoices") == 0
    page.get_by_role("button", name="Delete this topic").click()
    dialog.get_by_role("button", name="Delete this topic").click()
    dialog.get_by_text("Invoices is deleted here.").wait_for()
    assert own_site.look_up("Invoices") == 17
    dialog.get_by_role("button", name="Close").click()
    looked.sees("deleted")

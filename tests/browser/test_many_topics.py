"""The console of a server with 20,000 topics."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from namesrv.testing.peer import Broker
from tests.browser.looked_at import Looked
from tests.browser.site import HOUR_MILLIS, Site

Look = Callable[..., Looked]
LARGE = Broker("large", 0, "10.0.4.1:10911", "orders", HOUR_MILLIS)
TOPICS = [f"team-{number % 40}.stream-{number:05}" for number in range(20_000)]
MEASURE = """() => new Promise((done) => {
  const begin = performance.now();
  const seen = new MutationObserver(() => {
    if (document.querySelectorAll('main tbody tr').length < 200) return;
    seen.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin)));
  });
  seen.observe(document.querySelector('main'), { childList: true, subtree: true });
  location.hash = '#/topics';
})"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server whose broker has all of them."""
    with Site(tmp_path_factory.mktemp("large")) as site:
        site.register(LARGE, dict.fromkeys(TOPICS[:10_000], 4))
        site.register(LARGE, dict.fromkeys(TOPICS[10_000:], 4))
        yield site


def test_the_first_200_topics(
    large: Site, look: Look, record_property: Callable[[str, object], None]
) -> None:
    looked = look(large.url).go("topics")
    assert looked.page.locator("main tbody tr").count() == 200
    looked.sees("200 topics shown, of 20,007 on this server.")
    times = []
    for _ in range(5):
        looked.go()
        times.append(looked.page.evaluate(MEASURE))
    millis = sorted(times)[len(times) // 2]
    record_property("first 200 of 20,000 topics, milliseconds", round(millis))
    print(f"first 200 of 20,000 topics: {millis:.0f} ms (median of 5)")


def test_a_search_finds_the_last_one_on_the_server(large: Site, look: Look) -> None:
    looked = look(large.url).go("topics")
    looked.page.get_by_label("Name contains").fill("stream-19999")
    looked.sees("1 topic shown")
    looked.sees("team-39.stream-19999")


def test_the_next_rows_go_on_after_the_last_one(large: Site, look: Look) -> None:
    looked = look(large.url).go("topics")
    first = looked.page.locator("main tbody a").all_inner_texts()
    looked.page.get_by_role("button", name="Next rows").click()
    looked.page.get_by_role("button", name="Back to the first").wait_for()
    looked.page.wait_for_function(
        "(name) => !document.querySelector('main tbody').innerText.includes(name)",
        arg=first[0],
    )
    second = looked.page.locator("main tbody a").all_inner_texts()
    assert len(second) == 200
    assert second[0] > first[-1]


def test_only_problems_are_searched_on_the_server(
    large: Site, look: Look, tmp_path: Path
) -> None:
    looked = look(large.url).go("topics")
    looked.page.get_by_label("Only problems").click()
    looked.sees("Refunds")
    assert looked.page.locator("main tbody tr").count() < 10

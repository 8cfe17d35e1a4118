"""The console behind a proxy that serves it below a path."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from namesrv.testing.peer import Broker
from tests.browser.looked_at import Looked
from tests.browser.proxy import PREFIX, SubPath
from tests.browser.site import HOUR_MILLIS, TOKEN, Site

Look = Callable[..., Looked]
NEW = Broker("broker-new", 0, "10.0.3.99:10911", "orders", HOUR_MILLIS)


@pytest.fixture
def proxy(own_site: Site) -> Iterator[SubPath]:
    """A proxy in front of the server, which ends after the pages."""
    with SubPath(own_site.address) as proxy:
        yield proxy


def test_pages_changes_and_live_updates_work_below_a_path(
    own_site: Site, proxy: SubPath, look: Look
) -> None:
    looked = look(proxy.url, token=TOKEN)
    for place in ("", "topics", "topics/Orders", "brokers", "history", "node"):
        looked.go(place)
    looked.go("brokers")
    own_site.register(NEW, {"Fresh": 4, "Orders": 4})
    looked.sees("broker-new")
    looked.go("topics/Fresh")
    looked.page.get_by_role("button", name="Delete this topic").click()
    dialog = looked.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Delete this topic").click()
    dialog.get_by_text("Fresh is deleted here.").wait_for()
    paths = {urlsplit(url).path for url in looked.asked}
    assert len(paths) > 15
    assert all(path.startswith(f"{PREFIX}/") for path in paths)

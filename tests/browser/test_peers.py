"""The agreement of a server with others, on its page."""

from collections.abc import Callable
from pathlib import Path

from tests.browser.looked_at import Looked
from tests.browser.site import Site

Look = Callable[..., Looked]


def test_a_peer_that_agrees_and_one_that_is_down(
    site: Site, tmp_path: Path, free_port: int, look: Look
) -> None:
    host, port = site.address[:2]
    peers = f"{host}:{port};127.0.0.1:{free_port}"
    with Site(tmp_path, peers=peers) as other:
        looked = look(other.url).go("peers")
        looked.sees("It has the same routes.")
        looked.sees("down")
        assert looked.violations() == []
        looked.go()
        looked.sees(f"The peer 127.0.0.1:{free_port} cannot be compared")
        looked.page.goto("about:blank")

"""A browser, a server to look at, and pages that report every error."""

import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.axe import axe_script
from tests.browser.looked_at import Looked, LookedAt
from tests.browser.site import Site

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.exit(f"no browser: install one of {', '.join(_NAMES)}", returncode=1)
    with sync_playwright() as playwright:
        # Root needs no-sandbox; the pages are our own.
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core."""
    return axe_script()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with brokers of two clusters, shared by the tests of a module."""
    with Site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Site]:
    """A server that a test may change."""
    with Site(tmp_path) as site:
        yield site


@pytest.fixture
def look(browser: Browser, axe: str) -> Iterator[Callable[..., Looked]]:
    """Opens pages; at the end none may have reported an error."""
    with ExitStack() as opened:

        def open_page(address: str, **setting: Any) -> Looked:
            return opened.enter_context(LookedAt(browser, axe, address, **setting))

        yield open_page


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port

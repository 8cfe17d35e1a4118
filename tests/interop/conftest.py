"""Fixtures of the interop tests: the peers, fetched once, and fleets of them."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from harness.fetch import FetchFailed, Peers, fetch_peers
from harness.fleet import Fleet


def pytest_sessionstart() -> None:
    # A polite kill of the test run ends all its JVMs, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def peers() -> Peers:
    try:
        return fetch_peers()
    except FetchFailed as failure:
        pytest.exit(f"interop: {failure}", returncode=1)


@pytest.fixture(scope="module")
def new_fleet(
    tmp_path_factory: pytest.TempPathFactory, peers: Peers
) -> Iterator[Callable[[str], Fleet]]:
    """Makes fleets that end with the module; each has its own folder of logs."""
    with ExitStack() as fleets:
        yield lambda name: fleets.enter_context(
            Fleet(tmp_path_factory.mktemp(name), peers)
        )

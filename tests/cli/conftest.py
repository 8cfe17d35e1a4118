"""Fixtures of the command line's tests."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.server_stand_in import Server


@pytest.fixture(autouse=True)
def empty_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, restored_logging: None
) -> None:
    for name in list(os.environ):
        if name.startswith(("NAMESRV_", "ROCKETMQ_")):
            monkeypatch.delenv(name)
    # Set, so that what --pure sets is taken back at the end.
    monkeypatch.setenv("NAMESRV_NO_EXTENSIONS", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that `main` runs instead of the real one."""
    before = signal.getsignal(signal.SIGHUP)
    fake = Server()
    monkeypatch.setattr("namesrv.cli.serve.run", fake.run)
    yield fake
    signal.signal(signal.SIGHUP, before)

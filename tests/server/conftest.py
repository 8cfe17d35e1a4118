"""Fixtures of the server's tests."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.failing import FullDisk
from tests.server.loop_free_server import LoopFreeServer
from tests.server.server_thread import LOOPS, Serve, ServerThread, local_options
from tests.server.tls.tls_peer import Authority
from tests.server.two_brokers import Started


@pytest.fixture
def set_stage(tmp_path: Path) -> Callable[..., LoopFreeServer]:
    """Makes a loop-free server with the options given."""

    def make(**options: Any) -> LoopFreeServer:
        return LoopFreeServer(tmp_path, **options)

    return make


@pytest.fixture
def loop_free(set_stage: Callable[..., LoopFreeServer]) -> LoopFreeServer:
    """A loop-free server with the standard options."""
    return set_stage()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """Starts servers, one after the other, whose files are in `tmp_path`."""
    servers: list[ServerThread] = []

    def start(loop_name: str = "uvloop", **options: Any) -> ServerThread:
        for server in servers:
            server.stop()
        options = {"snapshot_interval_millis": 100, **options}
        server = ServerThread(local_options(tmp_path, **options), loop_name)
        servers.append(server.__enter__())
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(params=LOOPS)
def serve(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Serve]:
    """Starts servers with the options given; they stop when the test is over."""
    servers: list[ServerThread] = []

    def start(**options: Any) -> ServerThread:
        data_dir = tmp_path / f"data{len(servers)}"
        server = ServerThread(local_options(data_dir, **options), request.param)
        servers.append(server.__enter__())
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FullDisk:
    """A disk that can be filled and emptied."""
    disk = FullDisk()
    monkeypatch.setattr(os, "write", disk.write)
    return disk


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who signs the certificates of a test."""
    return Authority(tmp_path)

"""Fixtures of the commands' tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from namesrv.testing.peer import put_kv
from tests.cli.commands.world import ALONE, MASTER, SLAVE, TOPICS, Ran, World
from tests.server.server_thread import ServerThread, local_options


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[World]:
    with ServerThread(local_options(tmp_path / "data")) as server:
        with server.peer() as master, server.peer() as slave, server.peer() as alone:
            master.ask(MASTER.registration(TOPICS))
            slave.ask(SLAVE.registration(TOPICS))
            alone.ask(ALONE.registration({"Hello": 6, "Spare": 1}))
            master.ask(put_kv("ORDER_TOPIC_CONFIG", "Orders", "broker-a:8"))
            yield World(server, capsys)


@pytest.fixture
def run(world: World) -> Callable[..., Ran]:
    """Runs a command against the server."""
    return world.run

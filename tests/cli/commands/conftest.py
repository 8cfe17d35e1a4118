"""A server with a cluster, and the command line in the process of the test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from namesrv.cli import main
from namesrv.testing.peer import Broker, put_kv
from tests.server.server_thread import ServerThread, local_options

MASTER = Broker("broker-a", 0, "10.0.0.1:10911", "c1")
SLAVE = Broker("broker-a", 1, "10.0.0.2:10911", "c1")
ALONE = Broker("broker-b", 1, "10.0.0.3:10911", "c2")
TOPICS = {"Orders": 8, "Hello": 4, "订单": 2}


class Ran(NamedTuple):
    """The exit code of a command, and the lines that it printed."""

    code: int
    out: list[str]
    err: list[str]


class World:
    """A server with three brokers; `run` asks it."""

    def __init__(
        self, server: ServerThread, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.server = server
        self.address = "{}:{}".format(*server.address)
        self._capsys = capsys

    def run(self, *words: str) -> Ran:
        """Run a command against the server."""
        return self.run_anywhere(*words, "-n", self.address)

    def run_anywhere(self, *words: str) -> Ran:
        """Run a command as it is."""
        code = main(words)
        out, err = self._capsys.readouterr()
        return Ran(code, out.splitlines(), err.splitlines())


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

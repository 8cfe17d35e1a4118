"""A server that `main` runs instead of the real one, and what `main` said."""

from collections.abc import Callable, Iterable
from types import SimpleNamespace

import pytest

from namesrv.cli import main
from namesrv.options import Options
from namesrv.server.warm_start.schedule import WarmStart

Capture = pytest.CaptureFixture[str]


class Server:
    """Stands in for the server module: keeps the options that it is run with."""

    def __init__(self) -> None:
        self.options: Options | None = None
        self.addresses = [("127.0.0.1", 9876)]
        self.loop_name = "asyncio"
        self.warm_start: WarmStart | None = None
        self.failure: BaseException | None = None

    def run(
        self,
        options: Options,
        *,
        companions: Iterable[object],
        on_started: Callable[[object], None],
        read_options: Callable[[], Options],
    ) -> None:
        self.options = options
        self.read_options = read_options
        if self.failure is not None:
            raise self.failure
        about = {
            "addresses": self.addresses,
            "http_addresses": [],
            "loop_name": self.loop_name,
        }
        on_started(SimpleNamespace(**about, warm_start=self.warm_start))


def served(server: Server, *words: str) -> Options:
    """The options that the server is run with."""
    server.options = None
    assert main(words) == 0
    assert server.options is not None
    return server.options


def refused(capsys: Capture, *words: str) -> list[str]:
    """The mistakes that are reported."""
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines: list[str] = captured.err.splitlines()
    assert all(line.startswith("namesrv: ") for line in lines)
    return [line.removeprefix("namesrv: ") for line in lines]

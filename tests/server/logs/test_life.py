"""Our own life in the log: in its format, and in its file."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from namesrv import __version__
from namesrv._impl import IMPLEMENTATION, Lanes
from namesrv.testing.peer import Broker, wait_until
from tests.server.server_process import ServerProcess

pytestmark = pytest.mark.slow

READ_AGAIN = "configuration reloaded"


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_start_reload_stop_and_warm_start_are_lines(tmp_path: Path) -> None:
    path = tmp_path / "namesrv.jsonl"
    words = ("--log-file", str(path), "--log-format", "json")
    with ServerProcess(tmp_path, *words) as server, server.peer() as peer:
        assert (
            peer.ask(Broker(addr="127.0.0.1:1").registration({"t": 1, "u": 1})).code
            == 0
        )
        host, port = server.address
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: READ_AGAIN in path.read_text())
        assert server.end()[0] == 0
    first = lines_of(path)
    events = [line["event"] for line in first]
    assert events == [
        "server started",
        "new broker registered",
        READ_AGAIN,
        "server is stopping",
        "server stopped",
    ]
    assert {line["level"] for line in first} == {"INFO"}
    assert {name: first[0][name] for name in ("addresses", "start", "version")} == {
        "addresses": f"{host}:{port}",
        "start": "cold",
        "version": __version__,
    }
    assert first[0]["implementation"] == IMPLEMENTATION
    assert first[0]["lanes"] == int(Lanes is not None)
    assert first[-2]["connections"] == 1
    with ServerProcess(tmp_path, *words) as server:
        assert server.end()[0] == 0
    second = lines_of(path)[len(first) :]
    assert [line["event"] for line in second] == [
        "routes of the last run restored",
        "server started",
        "server is stopping",
        "server stopped",
    ]
    assert second[1]["start"].startswith("warm from ")
    # Standard error is for whoever starts it, and has nothing to say.
    assert server.log() == ""


def test_lines_of_one_stream_keep_their_order(
    tmp_path: Path,
) -> None:
    """The line that scripts wait for stands behind what was logged before it."""
    for _ in range(3):
        with ServerProcess(tmp_path) as server:
            assert "server started" in server.log()
            assert server.end()[0] == 0

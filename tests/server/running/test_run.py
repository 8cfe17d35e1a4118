"""Running a server in the main thread: options, signals, its end."""

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from namesrv.errors import OptionsInvalid, StartFailed
from namesrv.options import Options
from namesrv.server.nameserver import NameServer
from namesrv.server.running.run import run
from tests.server.server_thread import LOOPS, local_options

RELOADED = "configuration reloaded"


class Signal:
    """A companion that sends the process a signal once the server answers."""

    def __init__(self, number: int, caplog: pytest.LogCaptureFixture) -> None:
        self.number = number
        self.caplog = caplog

    async def start(self, server: NameServer) -> None:
        os.kill(os.getpid(), self.number)
        while self.number == signal.SIGHUP and RELOADED not in self.caplog.messages:
            await asyncio.sleep(0)

    async def stop(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _restored_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `run` changes of the process stays as the other tests need it."""
    monkeypatch.setattr("namesrv.server.running.run.Collector", lambda loop: None)
    for name in ("raise_file_limit", "make_room_for_files"):
        monkeypatch.setattr(f"namesrv.server.running.run.{name}", lambda: None)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, loop: str, number: int
) -> None:
    options = local_options(tmp_path, loop=loop)
    run(options, companions=[Signal(number, caplog)])


def test_hangup_reloads_what_the_options_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "namesrv")
    run(
        local_options(tmp_path, loop="asyncio"),
        companions=[Signal(signal.SIGHUP, caplog)],
        on_started=NameServer.request_stop,
    )
    assert RELOADED in caplog.messages


def test_wrong_options_are_refused_before_a_file_is_made(tmp_path: Path) -> None:
    options = local_options(tmp_path / "d", loop="fast", broker_access="closed")
    with pytest.raises(OptionsInvalid) as caught:
        run(options)
    assert len(caught.value.mistakes) == 2
    assert not (tmp_path / "d").exists()


def test_unknown_home_directory_is_refused(tmp_path: Path) -> None:
    options = local_options(tmp_path, log_file="~nobody-at-all/log")
    with pytest.raises(OptionsInvalid, match="whose home directory is not known"):
        run(options)


def test_another_thread_than_the_main_one_is_refused() -> None:
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(StartFailed, match="use namesrv.serving there"):
            pool.submit(run, Options()).result()

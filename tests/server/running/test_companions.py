"""Companions: order of start and stop, and their failures."""

import asyncio
import logging
from pathlib import Path

import pytest

from namesrv.errors import StartFailed
from namesrv.server.nameserver import NameServer
from namesrv.server.running import companions as companions_module
from namesrv.server.running.companions import Companion, serve_with
from namesrv.server.running.run import run
from namesrv.testing.peer import Peer, lookup
from tests.server.server_thread import local_options

NO_ROUTE = 17


class Recorder:
    """A companion that writes down its calls, and fails where it is asked to."""

    def __init__(
        self,
        calls: list[str],
        name: str,
        on_start: BaseException | None = None,
        on_stop: BaseException | None = None,
    ) -> None:
        self.calls = calls
        self.name = name
        self.on_start = on_start
        self.on_stop = on_stop

    async def start(self, server: NameServer) -> None:
        self.calls.append(f"{self.name} starts")
        if self.on_start is not None:
            raise self.on_start

    async def stop(self) -> None:
        self.calls.append(f"{self.name} stops")
        if self.on_stop is not None:
            raise self.on_stop


class Asking:
    """A companion that asks the server for a route when it starts and when it stops."""

    def __init__(self) -> None:
        self.codes: list[int] = []

    async def start(self, server: NameServer) -> None:
        self.address = server.addresses[0]
        await self._ask()

    async def stop(self) -> None:
        await self._ask()

    async def _ask(self) -> None:
        self.codes.append(await asyncio.to_thread(self._answered))

    def _answered(self) -> int:
        with Peer(self.address) as peer:
            return peer.ask(lookup("t")).code


class Slow:
    """A companion whose start or stop never ends."""

    def __init__(self, server_ends: bool = False) -> None:
        self.server_ends = server_ends

    async def start(self, server: NameServer) -> None:
        if self.server_ends:
            server.request_stop()
            await asyncio.Event().wait()

    async def stop(self) -> None:
        await asyncio.Event().wait()


def served(folder: Path, *companions: Companion) -> list[str]:
    """Run a server that ends as soon as it has started; what `on_started` saw."""
    started: list[str] = []

    async def serve() -> None:
        server = NameServer(local_options(folder))
        await server.start()

        def on_started(server: NameServer) -> None:
            started.append("started")
            server.request_stop()

        try:
            await serve_with(server, companions, on_started)
        finally:
            await server.stop()

    asyncio.run(serve())
    return started


def test_companions_start_in_order_and_stop_in_reverse(tmp_path: Path) -> None:
    calls: list[str] = []
    assert served(tmp_path, Recorder(calls, "a"), Recorder(calls, "b")) == ["started"]
    assert calls == ["a starts", "b starts", "b stops", "a stops"]


def test_server_answers_while_a_companion_starts_and_stops(tmp_path: Path) -> None:
    asking = Asking()
    served(tmp_path, asking)
    assert asking.codes == [NO_ROUTE, NO_ROUTE]


def test_companion_that_cannot_start_ends_the_start(tmp_path: Path) -> None:
    calls: list[str] = []
    error = OSError("port 8080 is in use")
    companions = [Recorder(calls, "a"), Recorder(calls, "b", error)]
    sentence = "^the companion Recorder cannot start: port 8080 is in use$"
    with pytest.raises(StartFailed, match=sentence):
        served(tmp_path, *companions, Recorder(calls, "c"))
    assert calls == ["a starts", "b starts", "a stops"]


def test_start_failed_of_a_companion_is_raised_as_it_is(tmp_path: Path) -> None:
    failure = StartFailed("adminPort 8080 is in use: choose another one")
    with pytest.raises(StartFailed) as caught:
        served(tmp_path, Recorder([], "a", failure))
    assert caught.value is failure


def test_mistake_in_a_companion_has_its_traceback_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StartFailed, match="Recorder cannot start: KeyError$"):
        served(tmp_path, Recorder([], "a", KeyError()))
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert record.getMessage() == "a companion failed to start"


@pytest.mark.parametrize("error", [ZeroDivisionError("odd"), asyncio.CancelledError()])
def test_failing_stop_is_logged_and_the_others_are_stopped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    calls: list[str] = []
    companions = [Recorder(calls, "a"), Recorder(calls, "b", on_stop=error)]
    served(tmp_path, *companions)
    assert calls[-2:] == ["b stops", "a stops"]
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert record.getMessage() == "a companion failed to stop"


def test_stop_that_never_ends_is_cut_off(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(companions_module, "STOP_SECONDS", 0.01)
    assert served(tmp_path, Slow()) == ["started"]
    assert "a companion failed to stop" in caplog.messages


def test_signal_during_the_start_of_a_companion_ends_the_server(
    tmp_path: Path,
) -> None:
    calls: list[str] = []
    first, last = Recorder(calls, "a"), Recorder(calls, "c")
    assert served(tmp_path, first, Slow(server_ends=True), last) == []
    assert calls == ["a starts", "a stops"]


def test_run_starts_companions_before_it_reports_the_start(tmp_path: Path) -> None:
    calls: list[str] = []

    def on_started(server: NameServer) -> None:
        calls.append("started")
        server.request_stop()

    options = local_options(tmp_path, loop="asyncio")
    run(options, companions=[Recorder(calls, "a")], on_started=on_started)
    assert calls == ["a starts", "started", "a stops"]

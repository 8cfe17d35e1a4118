"""A server in a thread of a host program."""

import asyncio
import logging
import os
import signal
import threading
from pathlib import Path

import pytest

import namesrv
from namesrv import Options, OptionsInvalid, StartFailed
from namesrv.testing.peer import Peer, lookup
from tests.server.server_thread import LOOPS, local_options

NO_ROUTE = 17


def answers(address: tuple[str, int]) -> bool:
    with Peer(address) as peer:
        return peer.ask(lookup("t")).code == NO_ROUTE


@pytest.mark.parametrize("loop", LOOPS)
def test_server_answers_until_the_block_ends(tmp_path: Path, loop: str) -> None:
    with namesrv.serving(local_options(tmp_path, loop=loop)) as server:
        (address,) = server.addresses
        assert address[1] > 0 and answers(address)
    with pytest.raises(ConnectionError):
        answers(address)
    assert "namesrv" not in {thread.name for thread in threading.enumerate()}


def test_two_servers_run_side_by_side(tmp_path: Path) -> None:
    with (
        namesrv.serving(local_options(tmp_path / "1")) as one,
        namesrv.serving(local_options(tmp_path / "2")) as two,
    ):
        assert one.addresses != two.addresses
        assert answers(one.addresses[0]) and answers(two.addresses[0])


def test_server_without_a_data_directory_gets_one_for_its_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    options = Options(bind_address="127.0.0.1", listen_port=0)
    with namesrv.serving(options), namesrv.serving(options):
        folders = list(tmp_path.iterdir())
        assert len(folders) == 2
        assert all((folder / "namesrv.lock").exists() for folder in folders)
    assert list(tmp_path.iterdir()) == []


def test_home_directory_of_a_path_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with namesrv.serving(local_options(Path("~/kept"))):
        assert (tmp_path / "kept" / "namesrv.lock").exists()


@pytest.mark.parametrize("loop", LOOPS)
def test_start_that_fails_is_raised_in_the_caller(tmp_path: Path, loop: str) -> None:
    with namesrv.serving(local_options(tmp_path / "1")) as server:
        host, port = server.addresses[0]
        options = local_options(tmp_path / "2", listen_port=port, loop=loop)
        with pytest.raises(StartFailed, match=f"port {port} of {host} is in use"):
            with namesrv.serving(options):
                raise AssertionError("it has started")
    assert "namesrv" not in {thread.name for thread in threading.enumerate()}


def test_wrong_option_is_raised_before_a_file_is_made(tmp_path: Path) -> None:
    options = local_options(tmp_path / "d", admin_access="lopback")
    with pytest.raises(OptionsInvalid, match="adminAccess is 'lopback'"):
        with namesrv.serving(options):
            raise AssertionError("it has started")
    assert not (tmp_path / "d").exists()


def test_companion_runs_beside_it(tmp_path: Path) -> None:
    calls: list[object] = []

    class Beside:
        async def start(self, server: namesrv.NameServer) -> None:
            calls.append(server.addresses)

        async def stop(self) -> None:
            calls.append("stops")

    options = local_options(tmp_path)
    with namesrv.serving(options, companions=[Beside()]) as server:
        assert calls == [server.addresses]
    assert calls[1:] == ["stops"]


def test_server_that_breaks_down_is_raised_at_the_end(tmp_path: Path) -> None:
    class Breaking:
        async def start(self, server: namesrv.NameServer) -> None:
            self.server = server

        async def stop(self) -> None:
            stop = self.server.stop

            async def stop_and_fail() -> None:
                await stop()
                raise ZeroDivisionError("odd")

            self.server.stop = stop_and_fail  # type: ignore[method-assign]

    with pytest.raises(ZeroDivisionError, match="odd"):
        with namesrv.serving(local_options(tmp_path), companions=[Breaking()]):
            pass


def test_error_of_the_block_passes_through(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="mine"):
        with namesrv.serving(local_options(tmp_path)):
            raise KeyError("mine")


def test_host_keeps_its_signals_loop_and_logging(tmp_path: Path) -> None:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    logger = logging.getLogger("namesrv")
    set_up = (logger.handlers[:], logger.level, logger.propagate)
    complaints: list[object] = []

    async def host() -> None:
        loop = asyncio.get_running_loop()
        handler = lambda _, context: complaints.append(context)  # noqa: E731
        loop.set_exception_handler(handler)
        with namesrv.serving(local_options(tmp_path / "thread")) as server:
            assert await asyncio.to_thread(answers, server.addresses[0])
        own = namesrv.NameServer(local_options(tmp_path / "loop"))
        await own.start()
        assert await asyncio.to_thread(answers, own.addresses[0])
        await own.stop()
        assert loop.get_exception_handler() is handler

    asyncio.run(host())
    assert [signal.getsignal(number) for number in numbers] == before
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == masked
    assert (logger.handlers, logger.level, logger.propagate) == set_up
    assert complaints == []


def test_port_that_everybody_reaches_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "namesrv.server.running.serving.exposure_warning",
        lambda options, addresses: f"everybody reaches {len(addresses)} ports",
    )
    with namesrv.serving(local_options(tmp_path)):
        pass
    assert "everybody reaches 1 ports" in caplog.messages
    assert os.listdir(tmp_path)

"""Our own stall is not the brokers' death (P3, P4), over real connections."""

import signal
import time
from pathlib import Path

import pytest

from namesrv.testing.peer import Address, Broker, Peer, wait_until
from tests.server.fleet import Fleet, brokers
from tests.server.server_process import ServerProcess
from tests.server.server_thread import LOOPS, ServerThread, local_options
from tests.server.watcher import Watcher, broker_names

pytestmark = pytest.mark.slow

BROKERS = 50
TIMEOUT_MILLIS = 3000
STALL_SECONDS = 4.0
SCAN_MILLIS = 100
STOOD_STILL = "this process stood still, nobody is declared dead for a while"


def sail(address: Address) -> Fleet:
    """Fifty brokers, of which each third gives up after a second and reconnects."""
    crew = brokers(BROKERS, TIMEOUT_MILLIS)
    impatient = [broker.name for broker in crew[::3]]
    return Fleet(address, crew, impatient=impatient)


def watch_until_the_dead_are_gone(
    address: Address, fleet: Fleet, dead: set[str]
) -> None:
    """From the moment when the server goes on, every living broker is there, until
    expiry has begun to work again; one that died meanwhile is no exception to that."""
    with Peer(address) as peer:
        with Watcher(lambda: address, lambda: fleet.names) as watcher:
            wait_until(lambda: not dead & broker_names(peer))
        assert broker_names(peer) == fleet.names
    assert watcher.lost == set()
    assert watcher.failed == 0
    assert watcher.lookups > 10
    assert fleet.reconnects >= BROKERS // 3


@pytest.mark.parametrize("loop_name", LOOPS)
def test_process_that_was_stopped_loses_nobody(tmp_path: Path, loop_name: str) -> None:
    words = ("--loop", loop_name, "--scan-not-active-broker-interval", f"{SCAN_MILLIS}")
    with ServerProcess(tmp_path, *words, is_plain=True) as server:
        with sail(server.address) as fleet:
            server.process.send_signal(signal.SIGSTOP)
            silent, sunk = fleet.crew[1].name, fleet.crew[2].name
            fleet.silence(silent)
            fleet.sink(sunk)
            time.sleep(STALL_SECONDS)
            server.process.send_signal(signal.SIGCONT)
            watch_until_the_dead_are_gone(server.address, fleet, {silent, sunk})
        assert STOOD_STILL in server.log()


@pytest.mark.parametrize("loop_name", LOOPS)
def test_loop_that_was_blocked_loses_nobody(tmp_path: Path, loop_name: str) -> None:
    options = local_options(
        tmp_path,
        scan_not_active_broker_interval=SCAN_MILLIS,
        snapshot_interval_millis=100,
    )
    with ServerThread(options, loop_name) as server:
        with sail(server.address) as fleet:
            server.loop.call_soon_threadsafe(time.sleep, STALL_SECONDS)
            silent = fleet.crew[1].name
            fleet.silence(silent)
            server.on_loop(lambda: None)
            watch_until_the_dead_are_gone(server.address, fleet, {silent})


def test_huge_registrations_without_a_pause_lose_nobody(tmp_path: Path) -> None:
    words = ("--scan-not-active-broker-interval", f"{SCAN_MILLIS}")
    with ServerProcess(tmp_path, *words, is_plain=True) as server:
        with sail(server.address) as fleet:
            with Watcher(lambda: server.address, lambda: fleet.names) as watcher:
                register_hugely(server, 2 * TIMEOUT_MILLIS / 1000)
        assert watcher.lost == set()
        assert watcher.failed == 0
        assert "broker expired" not in server.log()


def register_hugely(server: ServerProcess, seconds: float) -> None:
    """Two brokers exchange tables of 20,000 topics for others, as fast as they can."""
    frames = []
    for number in range(4):
        broker = Broker(f"huge-{number % 2}", addr=f"198.51.100.{number % 2}:1")
        table = {f"huge-{number}-{topic:05}": 1 + number for topic in range(20_000)}
        frames.append(broker.registration(table))
    with server.peer() as one, server.peer() as two:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            for peer, first in ((one, 0), (two, 1)):
                peer.send(frames[first], frames[first + 2])
            for peer in (one, two):
                assert [answer.code for answer in peer.read_answers(2)] == [0, 0]

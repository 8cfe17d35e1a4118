"""`python -m bench.http_beside`: lookups while HTTP is used, or attacked, beside none.

One server, one interleaved run: lookups on 50 connections, alone and beside three kinds
of HTTP clients. The figures are shares of the rounds alone next to them, because the
machine is not the same some minutes later.
"""

import argparse
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from bench.driver.client import HOST
from bench.driver.fetch import build_generators
from bench.driver.loads import BUDGET_TABLE, Kind, Load
from bench.driver.machine import need_extensions
from bench.driver.measured_server import MeasuredServer
from bench.driver.places import cores
from bench.driver.process import ServerProcess
from bench.driver.rounds import run_load
from bench.driver.servers import OURS_FAST

ROUNDS = 5
TURN_SECONDS = 2.0
WARM_SECONDS = 0.3
LOADS = (
    Load("lookup-50x1", Kind.LOOKUP, BUDGET_TABLE, 50, 1),
    Load("lookup-50x16", Kind.LOOKUP, BUDGET_TABLE, 50, 16),
)
STUCK, DEAF = 200, 20
_IDLE_SECONDS = 0.3
_HEAD = f"HTTP/1.1\r\nHost: {HOST}\r\n"
_PROBES = [f"GET {path} {_HEAD}\r\n".encode() for path in ("/readyz", "/metrics")]
_PROBE_SECONDS = 0.5
_LIST = f"GET /v1/topics?limit=500 {_HEAD}\r\n".encode()
_UNFINISHED = (
    f"GET /readyz {_HEAD}X: ".encode(),
    f"POST /v1/x {_HEAD}Content-Length: 9999\r\n\r\nabc".encode(),
    f"POST /v1/x {_HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nab".encode(),
)


def _connected(port: int) -> socket.socket:
    peer = socket.create_connection((HOST, port))
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return peer


@contextmanager
def _nobody(process: ServerProcess) -> Iterator[None]:
    yield


@contextmanager
def _stuck(process: ServerProcess) -> Iterator[None]:
    """200 requests that do not end, and 20 readers that do not read."""
    with ExitStack() as stack:
        for _ in range(DEAF):
            stack.enter_context(_connected(process.port)).sendall(_LIST * 200)
        _wait_until_idle(process)
        for number in range(STUCK):
            peer = stack.enter_context(_connected(process.port))
            peer.sendall(_UNFINISHED[number % len(_UNFINISHED)])
        yield


def _wait_until_idle(process: ServerProcess) -> None:
    """Until the buffers of the system are full, and the server waits for readers."""
    spent = process.cpu_seconds()
    while True:
        time.sleep(_IDLE_SECONDS)
        before, spent = spent, process.cpu_seconds()
        if spent - before < _IDLE_SECONDS / 10:
            return


@contextmanager
def _asking(
    process: ServerProcess, requests: list[bytes], pause_seconds: float
) -> Iterator[None]:
    """One client that asks, reads, and pauses."""
    is_over = threading.Event()

    def ask() -> None:
        with _connected(process.port) as peer:
            while not is_over.wait(pause_seconds):
                for request in requests:
                    peer.sendall(request)
                    _read_answer(peer)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _read_answer(peer: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        data += peer.recv(1 << 16)
    head, _, body = data.partition(b"\r\n\r\n")
    _, _, length = head.lower().partition(b"content-length:")
    missing = int(length.split(b"\r\n")[0]) - len(body)
    while missing > 0:
        missing -= len(peer.recv(1 << 16))


Beside = Callable[[ServerProcess], AbstractContextManager[None]]
"""HTTP clients of a server, while a `with` block runs."""

BESIDE: dict[str, Beside] = {
    "a probe and a scrape, twice a second": lambda process: _asking(
        process, _PROBES, _PROBE_SECONDS
    ),
    "one client that lists topics all the time": lambda process: _asking(
        process, [_LIST], 0
    ),
    f"{STUCK} stuck requests, {DEAF} deaf readers": _stuck,
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure lookups beside HTTP.")
    parser.add_argument("--quick", action="store_true", help="short, for no figures")
    words = parser.parse_args()
    rounds, seconds = (1, 0.3) if words.quick else (ROUNDS, TURN_SECONDS)
    need_extensions()
    build_generators()
    os.sched_setaffinity(0, {cores()[1]})
    with tempfile.TemporaryDirectory() as folder:
        with MeasuredServer(OURS_FAST, Path(folder)) as measured:
            measured.start()
            for load in LOADS:
                _measure(measured, load, rounds, seconds)
    return 0


def _measure(measured: MeasuredServer, load: Load, rounds: int, seconds: float) -> None:
    """Print the shares of one load."""
    frames = measured.frames(load, None)
    alone: list[dict[str, float]] = []
    found: dict[str, list[dict[str, float]]] = {title: [] for title in BESIDE}
    for _ in range(rounds):
        for title, beside in (("", _nobody), *BESIDE.items()):
            with beside(measured.process):
                result = run_load(measured, load, frames, seconds, WARM_SECONDS)
            (found[title] if title else alone).append(result)
    print(
        f"{load.name}: alone {statistics.median(r['p99_us'] for r in alone):.0f} us p99"
    )
    for title, results in found.items():
        shares = [
            statistics.median(
                result[measure] / before[measure]
                for result, before in zip(results, alone, strict=True)
            )
            for measure in ("per_second", "per_cpu_second", "p99_us")
        ]
        speed, per_cpu_second, p99 = shares
        print(f"  {title:<42} {speed:.3f} of its speed,", end=" ")
        print(f"{per_cpu_second:.3f} per CPU second, p99 {p99:.2f} times")


if __name__ == "__main__":
    sys.exit(main())

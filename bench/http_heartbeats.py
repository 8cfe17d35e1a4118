"""`make bench-heartbeats`: heartbeats over HTTP beside a bare server, and beside 904.

One interleaved run: the servers are up at the same time, and those without a turn are
stopped. 50 connections have one request under way each, and the next one follows an
answer at once. The figure is requests per CPU second of the server. `--java` adds the
heartbeats of Java's NameServer, which Maven fetches.
"""

import argparse
import json
import os
import select
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from bench.driver.client import HOST, OPAQUE, AskFailed, Client
from bench.driver.places import BENCH, cores
from bench.driver.process import ServerFailed, ServerProcess
from bench.driver.progress import say
from bench.driver.servers import (
    OURS_FAST,
    OURS_PURE,
    UPSTREAM_HEAP,
    Server,
    java_server,
)
from namesrv.testing.peer import Broker, Request, lookup, registration

CONNECTIONS = 50
ROUNDS = 5
TURN_SECONDS = 1.5
WARM_SECONDS = 0.3
JVM_WARM_SECONDS = 16.0
START_SECONDS = 60.0
LEAST_SHARE = 0.5
"""Of the bare server's heartbeats."""
_BROKER = Broker("bench", 0, "10.0.0.1:10911", "c1", 3_600_000)
_PATH = "/v1/clusters/c1/brokers/http/0"
_TARGET = f"{_PATH}/heartbeat?broker_addr=10.0.0.2:10911"
_JSON = {"Content-Type": "application/json"}
_AS_CURL = f"Host: {HOST}\r\nUser-Agent: sidecar/1.0\r\nAccept: */*\r\n"


def _http(number: int, more: str = "") -> bytes:
    head = f"POST {_TARGET} HTTP/1.1\r\n{_AS_CURL}{more}Content-Length: 0\r\n\r\n"
    return head.encode()


def _traced(number: int) -> bytes:
    """As a service mesh sends it: each head is another one."""
    return _http(number, f"x-request-id: 7f8a5c1e-0000-4000-8000-{number:012}\r\n")


def _remoting(number: int) -> bytes:
    return Request(904, _BROKER.ext_fields).frame(OPAQUE)


class Row(NamedTuple):
    """A kind of heartbeat that one server gets."""

    title: str
    server: str
    request: Callable[[int], bytes]


def _bare(home: Path, port: int) -> list[str]:
    return [sys.executable, str(BENCH / "servers" / "bare_http.py"), str(port)]


BARE = Server("bare-http", "httptools and 204, nothing else", _bare)
ROWS = [
    Row("bare httptools server, 204", BARE.name, _http),
    Row("namesrv, compiled: HTTP", OURS_FAST.name, _http),
    Row("namesrv, compiled: HTTP, each head another one", OURS_FAST.name, _traced),
    Row("namesrv, compiled: 904", OURS_FAST.name, _remoting),
    Row("namesrv, pure Python: HTTP", OURS_PURE.name, _http),
]


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure heartbeats over HTTP.")
    parser.add_argument("--java", action="store_true", help="beside Java's 904, too")
    parser.add_argument("--quick", action="store_true", help="short, for no figures")
    words = parser.parse_args()
    servers, rows = [BARE, OURS_FAST, OURS_PURE], ROWS
    if words.java:
        java = java_server("5.3.3", "2g", UPSTREAM_HEAP)
        servers.append(java)
        rows = [*ROWS, Row("Java 5.3.3: 904", java.name, _remoting)]
    rounds, seconds = (1, 0.3) if words.quick else (ROUNDS, TURN_SECONDS)
    os.sched_setaffinity(0, {cores()[1]})
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        processes = {}
        for server in servers:
            process = processes[server.name] = server.start(Path(folder, server.name))
            stack.callback(process.stop)
            _prepare(server, process)
            process.freeze()
        found = _measure(rows, processes, rounds, seconds)
    return _report(rows, found)


def _prepare(server: Server, process: ServerProcess) -> None:
    """Wait for the start, and register the brokers. Raises ServerFailed."""
    if server is BARE:
        _wait_for_port(process)
        return
    process.wait_for_answer(lookup("nobody", OPAQUE), START_SECONDS)
    # Java's server forgets the broker with its connection; it answers all the same.
    with Client(process.port) as client:
        client.ask_for(0, registration(_BROKER))
    if server.is_ours:
        _register_over_http(process)
    if server.is_jvm:
        say(f"warming {server.title} ...")
        _turn(process, _remoting, JVM_WARM_SECONDS)


def _register_over_http(process: ServerProcess) -> None:
    client = HTTPConnection(HOST, process.port)
    body = {
        "broker_addr": "10.0.0.2:10911",
        "topics": [{"topic": "T1"}],
        "heartbeat_timeout_millis": 3_600_000,
    }
    client.request("PUT", _PATH, json.dumps(body), _JSON)
    answer = client.getresponse()
    if answer.status != 200:
        raise AskFailed(f"PUT was answered with {answer.status}: {answer.read()!r}")
    client.close()


def _wait_for_port(process: ServerProcess) -> None:
    while True:
        try:
            socket.create_connection((HOST, process.port)).close()
            return
        except OSError:
            if not process.is_running:
                raise ServerFailed(process.log_tail()) from None
            time.sleep(0.01)


def _measure(
    rows: list[Row],
    processes: dict[str, ServerProcess],
    rounds: int,
    seconds: float,
) -> dict[str, list[float]]:
    """Requests per CPU second of each row, in each round."""
    found: dict[str, list[float]] = {row.title: [] for row in rows}
    for number in range(rounds):
        for row in rows[number % len(rows) :] + rows[: number % len(rows)]:
            process = processes[row.server]
            process.thaw()
            found[row.title].append(_turn(process, row.request, seconds))
            process.freeze()
    for process in processes.values():
        process.thaw()
    return found


def _turn(
    process: ServerProcess, request: Callable[[int], bytes], seconds: float
) -> float:
    """Requests per CPU second, after a while that does not count."""
    requests = [request(number) for number in range(5_000)]
    peers = [socket.create_connection((HOST, process.port)) for _ in range(CONNECTIONS)]
    poll = select.epoll()
    by_number = {peer.fileno(): peer for peer in peers}
    for peer in peers:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(peer, select.EPOLLIN)
    length = _answer_length(peers[0], requests[0])
    for peer in peers:
        peer.send(requests[0])
    count, counted = 0, 0
    begins = time.monotonic() + WARM_SECONDS
    ends = begins + seconds
    cpu = 0.0
    while (now := time.monotonic()) < ends:
        if not cpu and now >= begins:
            cpu, counted = process.cpu_seconds(), count
        for number, _ in poll.poll(1):
            peer = by_number[number]
            data = peer.recv(4096)
            if len(data) != length:
                raise AskFailed(f"an answer of {len(data)} bytes came: {data[:200]!r}")
            count += 1
            peer.send(requests[count % len(requests)])
    spent = process.cpu_seconds() - cpu
    for peer in peers:
        peer.close()
    poll.close()
    return (count - counted) / spent


def _answer_length(peer: socket.socket, request: bytes) -> int:
    """Of the first answer, which has to be a success."""
    peer.send(request)
    data = peer.recv(4096)
    if b"HTTP/1.1 204" not in data and b'"code":0' not in data:
        raise AskFailed(f"a heartbeat was answered with {data[:200]!r}")
    return len(data)


def _report(rows: list[Row], found: dict[str, list[float]]) -> int:
    """Print the medians; 1 if our share of the bare server's is too small."""
    bare = found[rows[0].title]
    shares = {}
    for row in rows:
        each = found[row.title]
        shares[row.title] = statistics.median(
            own / other for own, other in zip(each, bare, strict=True)
        )
        rate = statistics.median(each)
        share = shares[row.title]
        print(f"{row.title:<50} {rate:>9,.0f} per CPU s {share:>6.2f} of bare")
    return int(shares[rows[1].title] < LEAST_SHARE)


if __name__ == "__main__":
    sys.exit(main())

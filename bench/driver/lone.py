"""What is measured of one server alone: its start, and its memory."""

import resource
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from bench.driver.client import OPAQUE, AskFailed, Client
from bench.driver.frame_file import first_pair
from bench.driver.loads import Kind, Load, Plan
from bench.driver.measured_server import MeasuredServer
from bench.driver.process import ServerFailed
from bench.driver.progress import say
from bench.driver.rounds import LoadFailed, run_load
from bench.driver.servers import Server
from bench.driver.tables import Table
from namesrv.testing.peer import lookup

Result = dict[str, Any]

SETTLE_SECONDS = 0.7
_SPARE_FILES = 200


def measure_alone(
    servers: Sequence[Server], folder: Path, plan: Plan, echoed: Path | None
) -> dict[str, Result]:
    """Start-up and memory of each server; an echo returns the answer in `echoed`."""
    results: dict[str, Result] = {}
    for server in servers:
        if server.is_echo and not server.is_blind:
            continue  # the generator's ceiling, not a server to be compared with
        say(f"start and memory of {server.title}")
        try:
            results[server.name] = _measure(server, folder, plan, echoed)
        except (AskFailed, LoadFailed, ServerFailed, OSError) as failure:
            results[server.name] = {"failure": str(failure)}
            say(f"{server.name} FAILED: {failure}")
    return results


def _measure(server: Server, folder: Path, plan: Plan, echoed: Path | None) -> Result:
    if server.is_echo and echoed is None:
        raise AskFailed("there is nothing to echo, because our own server failed")
    seconds: list[float] = []
    echoed = echoed if server.is_echo else None
    for number in range(plan.starts - 1):
        with MeasuredServer(server, folder / f"start-{number}") as measured:
            measured.start(echoed)
            seconds.append(measured.start_seconds)
    with MeasuredServer(server, folder / "memory") as measured:
        measured.start(echoed)
        seconds.append(measured.start_seconds)
        time.sleep(SETTLE_SECONDS)
        result: Result = {
            "start_seconds": median(seconds),
            "start_seconds_all": seconds,
            "rss_idle_kib": measured.process.rss_kib(),
        }
        if not server.is_echo:
            result |= _table_memory(measured, plan)
        result |= _connection_memory(measured, plan, echoed)
    return result


def _table_memory(measured: MeasuredServer, plan: Plan) -> Result:
    """RSS of four brokers with the same topics: registered, all asked for, loaded."""
    before = measured.process.rss_kib()
    table = Table("memory", plan.memory_topics, brokers=4, copies=4)
    measured.fill(table)
    time.sleep(SETTLE_SECONDS)
    registered = measured.process.rss_kib()
    with measured.client() as client:
        for _ in range(2):
            for number in range(table.topics):
                client.ask_for(0, lookup(table.topic(number), OPAQUE))
    time.sleep(SETTLE_SECONDS)
    asked = measured.process.rss_kib()
    load = Load("", Kind.LOOKUP, table, 50, 16)
    frames = measured.frames(load, None)
    run_load(measured, load, frames, 2 * plan.main_seconds, 0.0)
    time.sleep(SETTLE_SECONDS)
    thousands = table.topics / 1000
    return {
        "rss_asked_kib": asked,
        "rss_after_load_kib": measured.process.rss_kib(),
        "rss_kib_per_1000_topics": (registered - before) / thousands,
        "rss_kib_per_1000_topics_asked": (asked - before) / thousands,
    }


def _connection_memory(
    measured: MeasuredServer, plan: Plan, echoed: Path | None
) -> Result:
    """RSS of each connection that asked once and is silent."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(plan.idle_connections, limit - _SPARE_FILES)
    frame = lookup("Topic-nobody-00000", OPAQUE)
    if measured.server.is_echo and echoed is not None:
        frame, _ = first_pair(echoed)
    before = measured.process.rss_kib()
    taken = 0
    with ExitStack() as stack:
        while taken < count:
            try:
                client = stack.enter_context(Client(measured.process.port))
                client.exchange(frame)
            except (AskFailed, OSError) as failure:
                say(f"{measured.server.name} took only {taken} connections: {failure}")
                break
            taken += 1
        time.sleep(SETTLE_SECONDS)
        after = measured.process.rss_kib()
    return {
        "idle_connections": taken,
        "rss_kib_per_idle_connection": (after - before) / max(taken, 1),
    }


def raise_file_limit() -> None:
    """As many open files as the system lets us and our servers have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

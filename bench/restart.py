"""`make bench-restart`: what keeping the routes across a restart costs, and gives.

Fills a server of ours, has the whole table packed once more while one client looks up,
a millisecond apart, then ends the server and starts it again over the same files.
"""

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.driver.client import OPAQUE, Client
from bench.driver.loads import FULL, QUICK, Plan
from bench.driver.lone import raise_file_limit
from bench.driver.machine import describe_machine, describe_versions, need_extensions
from bench.driver.places import CACHE, as_written, cores, results_folder
from bench.driver.process import ServerProcess, free_port
from bench.driver.progress import say
from bench.driver.run import write_result
from bench.driver.servers import OURS_FAST, OURS_PURE, Server
from bench.driver.tables import Table
from namesrv.testing.peer import lookup, read_route, request

SNAPSHOT = "data/routes.snapshot"
WIPE_WRITE_PERM, ADD_WRITE_PERM = 205, 327
QUIET_SECONDS = 7.0
"""Longer than the interval between two snapshots."""
WAIT_SECONDS = 60.0
LOOKUP_PAUSE_SECONDS = 0.001
_TAKEN_OVER = re.compile(r"boot success.*start (warm .*|cold)")


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure restarts of namesrv.")
    parser.add_argument("--quick", action="store_true", help="small, for no figures")
    parser.add_argument("--save", action="store_true", help="write to bench/results")
    words = parser.parse_args()
    plan = QUICK if words.quick else FULL
    need_extensions()
    raise_file_limit()
    os.sched_setaffinity(0, {cores()[1]})
    folder = Path(tempfile.mkdtemp(prefix="restart-", dir=CACHE))
    try:
        found = {s.name: measure(s, folder, plan) for s in (OURS_FAST, OURS_PURE)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    about = {"machine": describe_machine(), "versions": describe_versions()}
    result = {"kind": "restart", **about, "servers": found}
    chosen = results_folder(quick=words.quick, save=words.save)
    path = write_result("restart", chosen, result)
    print(json.dumps(found, indent=1))
    say(f"written to {as_written(str(path))}")
    return 0


def measure(server: Server, folder: Path, plan: Plan) -> dict[str, Any]:
    """All figures of one twin."""
    say(f"restarts of {server.title}")
    table = Table("kept", plan.storm_topics, plan.storm_brokers, plan.storm_brokers)
    home = folder / server.name
    ask = lookup(table.topic(0), OPAQUE)
    with ExitStack() as stack:
        process = server.start(home)
        process.wait_for_answer(ask, WAIT_SECONDS)
        for number in range(table.brokers):
            client = stack.enter_context(Client(process.port))
            client.ask_for(0, table.registration(number).frame(OPAQUE))
        file = home / SNAPSHOT
        _settle(file)
        quiet = _worst_millis(process, ask, lambda since: since > QUIET_SECONDS)
        with Client(process.port) as client:
            for code in (WIPE_WRITE_PERM, ADD_WRITE_PERM):
                for number in range(table.brokers):
                    fields = {"brokerName": table.broker(number)}
                    client.ask_for(0, request(code, fields, opaque=OPAQUE))
        written = file.stat().st_mtime_ns
        packing = _worst_millis(
            process, ask, lambda since: file.stat().st_mtime_ns != written
        )
        _settle(file)
        began = time.monotonic()
        process.stop()
        ended = time.monotonic() - began
    again, start_seconds, words = _start_again(server, home, ask)
    route = _first_route(again, table)
    rss_kib = again.rss_kib()
    again.stop()
    return {
        "brokers": table.brokers,
        "topics": table.topics,
        "snapshot_bytes": file.stat().st_size,
        "worst_lookup_quiet_millis": quiet,
        "worst_lookup_packing_millis": packing,
        "stop_seconds": round(ended, 3),
        "start_to_answer_seconds": round(start_seconds, 3),
        "start": words,
        "brokers_in_first_route": route,
        "rss_mib": round(rss_kib / 1024, 1),
    }


def _start_again(
    server: Server, home: Path, ask: bytes
) -> tuple[ServerProcess, float, str]:
    """Over the same files: the process, the time to its first answer, its words."""
    port = free_port()
    words = server.command(home, port)
    process = ServerProcess(server.name, words, home, port, server.environment)
    seconds = process.wait_for_answer(ask, WAIT_SECONDS)
    said = _TAKEN_OVER.search(process.log_tail())
    return process, seconds, said[1] if said else process.log_tail()


def _settle(file: Path) -> None:
    """Return when the file was not written for longer than the interval."""
    while not file.exists() or time.time() - file.stat().st_mtime < QUIET_SECONDS:
        time.sleep(0.1)


def _worst_millis(
    process: ServerProcess, ask: bytes, is_over: Callable[[float], bool]
) -> float:
    """The longest that one lookup took until it is over."""
    began = time.monotonic()
    worst = 0.0
    with Client(process.port) as client:
        while not is_over(time.monotonic() - began):
            sent = time.monotonic()
            client.exchange(ask)
            worst = max(worst, time.monotonic() - sent)
            time.sleep(LOOKUP_PAUSE_SECONDS)
    return round(worst * 1000, 2)


def _first_route(process: ServerProcess, table: Table) -> int:
    """How many brokers the route of the last topic has."""
    with Client(process.port) as client:
        answer = client.ask_for(0, lookup(table.topic(table.topics - 1), OPAQUE))
    return len(read_route(answer.body).addresses)


if __name__ == "__main__":
    sys.exit(main())

"""Lookups on all cores: lanes and generators side by side, with a prediction.

Nothing is pinned: lanes, loop and generators share the machine as in life. Each
generator has 25 connections. The prediction was made on two cores, so that a machine
with more of them can prove it wrong.
"""

import json
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from bench.driver.loads import BUDGET_TABLE, Kind, Load, Plan
from bench.driver.measured_server import MeasuredServer
from bench.driver.places import CACHE
from bench.driver.progress import say
from bench.driver.servers import Server
from bench.lanes.servers import ours
from bench.report.markdown import table

CONNECTIONS = 25
PIPELINES = (1, 16)
_PREDICTED: dict[tuple[int, int], str] = {
    (0, 1): "0.15",
    (1, 1): "0.19",
    (2, 1): "0.18 to 0.35",
    (4, 1): "0.6 to 0.7",
    (8, 1): "1.2 to 1.4",
    (16, 1): "2.2 to 2.6",
    (0, 16): "1.8",
    (1, 16): "2.2",
    (2, 16): "2.2 to 4",
    (4, 16): "7 to 8",
    (8, 16): "14 to 16",
    (16, 16): "25 to 30",
}
"""Million lookups a second by lanes and pipeline, with twice as many cores as lanes
and the clients on other machines."""
_TITLES = (
    *("server", "generators", "in flight", "million lookups/s", "predicted"),
    *("CPU s per M", "p99 ms"),
)


def measure_spread(
    folder: Path, plan: Plan, cores: set[int], others: Sequence[Server] = ()
) -> str:
    """A table by lanes, generators and pipeline. `cores` are all of the machine's.

    Raises AskFailed and ServerFailed.
    """
    count = len(cores)
    lanes = {ours(n).name: n for n in (0, 1, 2, 4, 8, 16) if n <= count}
    servers = [*map(ours, lanes.values()), *others]
    rows = []
    for server in servers:
        say(f"{server.title} on {count} cores")
        with MeasuredServer(server, folder) as measured:
            measured.start()
            _set_free(measured.process.pid, cores)
            for pipeline in PIPELINES:
                load = Load("", Kind.LOOKUP, BUDGET_TABLE, CONNECTIONS, pipeline)
                frames = measured.frames(load, None)
                for generators in sorted({1, 2, max(2, count // 2)}):
                    found = _run(measured, load, frames, generators, plan.main_seconds)
                    own = lanes.get(server.name)
                    predicted = "–" if own is None else _PREDICTED[own, pipeline]
                    row = [server.title, str(generators), f"{CONNECTIONS} x {pipeline}"]
                    rows.append([*row, found[0], predicted, *found[1:]])
    return table(_TITLES, rows)


def _set_free(pid: int, cores: set[int]) -> None:
    """Let all threads of a server run on all cores."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), cores)


def _run(
    measured: MeasuredServer, load: Load, frames: Path, generators: int, seconds: float
) -> tuple[str, str, str]:
    words = [str(CACHE / "load"), "--port", str(measured.process.port)]
    words += ["--requests", str(frames), "--connections", str(load.connections)]
    words += ["--pipeline", str(load.pipeline), "--warmup", "0.3"]
    words += ["--seconds", str(seconds)]
    before, began = measured.process.cpu_seconds(), time.monotonic()
    running = [
        subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        for _ in range(generators)
    ]
    found = [json.loads(one.communicate(timeout=60)[0]) for one in running]
    cpu = measured.process.cpu_seconds() - before
    elapsed = time.monotonic() - began
    per_second = sum(one["per_second"] for one in found)
    millions = per_second * elapsed / 1e6
    p99 = max(one["p99_us"] for one in found)
    return f"{per_second / 1e6:.2f}", f"{cpu / millions:.2f}", f"{p99 / 1000:.2f}"

"""Lookups of untouched, touched and unknown topics while all brokers register at once.

Each kind has a probe of its own (bench/load/probe.c) with a request every 1.5 ms.
"""

import json
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.driver.client import OPAQUE
from bench.driver.frame_file import write_frames
from bench.driver.loads import BUDGET_TABLE, REGISTER_TABLE, Kind, Load, Plan
from bench.driver.measured_server import MeasuredServer
from bench.driver.places import CACHE
from bench.driver.progress import say
from bench.driver.rounds import warm_up
from bench.driver.servers import OURS_FAST, Server
from bench.driver.storms import storm_table, storm_words
from bench.driver.tables import Table
from bench.lanes.servers import ours
from bench.report.markdown import table
from namesrv.testing.peer import lookup

SERVERS = (OURS_FAST, ours(0))
QUIET_SECONDS = 3.0
_TOUCHED_TOPICS = 64
_TITLES = (
    *("server", "phase", "seconds", "CPU ms a registration"),
    *(
        f"{kind}: {what}"
        for kind in ("untouched", "touched", "unknown")
        for what in ("p50 ms", "p99", "max")
    ),
)


def measure_storms(folder: Path, plan: Plan, others: Sequence[Server] = ()) -> str:
    """A table: quiet, cold and unchanged, for each server.

    Raises AskFailed, LoadFailed and ServerFailed.
    """
    rows: list[list[str]] = []
    for server in (*SERVERS, *others):
        say(f"a storm with probes over {server.title}")
        with MeasuredServer(server, folder) as measured:
            measured.start()
            rows += _measure(measured, folder / server.name, plan)
    return table(_TITLES, rows)


def _measure(measured: MeasuredServer, folder: Path, plan: Plan) -> list[list[str]]:
    folder.mkdir()
    if measured.server.is_jvm:
        loads = [
            Load("", Kind.LOOKUP, BUDGET_TABLE, 50, 1),
            Load("", Kind.REGISTER, REGISTER_TABLE, 4, 1),
        ]
        warm_up(measured, loads, plan.jvm_warmup_seconds)
    storm = storm_table(plan)
    files = _probe_files(measured, folder, storm)
    rows = []
    with measured.client() as broker:
        # A route that every registration changes: the topics are known before.
        last = storm.registration(storm.brokers - 1, 0).frame(OPAQUE)
        broker.ask_for(0, last)
        with _probes(measured, files, QUIET_SECONDS) as found:
            pass
        rows.append([measured.server.title, "quiet", "", "", *_cells(found)])
        words = storm_words(measured, folder, storm)
        for name, rounds in (("cold", 1), ("unchanged", plan.storm_rounds)):
            words += ["--phase", f"{name}:{rounds}:0"]
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as generator:
            try:
                for name in ("cold", "unchanged"):
                    with _probes(measured, files) as found:
                        phase = _run_phase(generator)
                    seconds, each = _times(phase, plan)
                    title = measured.server.title
                    rows.append([title, name, seconds, each, *_cells(found)])
            finally:
                generator.kill()
    return rows


def _probe_files(
    measured: MeasuredServer, folder: Path, storm: Table
) -> dict[str, Path]:
    lookups = Load("", Kind.LOOKUP, BUDGET_TABLE, 1, 1)
    unknown = Load("", Kind.UNKNOWN, BUDGET_TABLE, 1, 1)
    files = {"untouched": measured.frames(lookups, None)}
    touched = files["touched"] = folder / "touched"
    step = max(1, storm.topics // _TOUCHED_TOPICS)
    frames = [lookup(storm.topic(n), OPAQUE) for n in range(0, storm.topics, step)]
    write_frames(touched, [(frame, b"") for frame in frames])
    files["unknown"] = measured.frames(unknown, None)
    return files


@contextmanager
def _probes(
    measured: MeasuredServer, files: dict[str, Path], seconds: float | None = None
) -> Iterator[dict[str, dict[str, Any]]]:
    """Probes that run during the block, or for so long; then their figures."""
    found: dict[str, dict[str, Any]] = {}
    running: dict[str, subprocess.Popen[str]] = {}
    for kind, path in files.items():
        words = [str(CACHE / "probe"), "--port", str(measured.process.port)]
        words += ["--requests", str(path), "--loose"]
        words += [] if seconds is None else ["--seconds", str(seconds)]
        running[kind] = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        yield found
        for kind, probe in running.items():
            if seconds is None:
                probe.send_signal(signal.SIGTERM)
            output, _ = probe.communicate(timeout=180)
            found[kind] = json.loads(output)
    finally:
        for probe in running.values():
            probe.kill()
            probe.wait()


def _run_phase(generator: "subprocess.Popen[str]") -> dict[str, Any]:
    assert generator.stdin is not None and generator.stdout is not None
    generator.stdin.write("\n")
    generator.stdin.flush()
    phase: dict[str, Any] = json.loads(generator.stdout.readline())
    return phase


def _times(phase: dict[str, Any], plan: Plan) -> tuple[str, str]:
    seconds, cpu = phase["seconds"], phase["server_cpu_seconds"]
    registrations = phase["registrations"]
    return f"{seconds:.2f}", f"{cpu / registrations * 1000:.1f}"


def _cells(found: dict[str, dict[str, Any]]) -> list[str]:
    return [
        f"{found[kind][measure]:.2f}"
        for kind in ("untouched", "touched", "unknown")
        for measure in ("p50_ms", "p99_ms", "max_ms")
    ]

"""Interleaved rounds: one load after the other, server by server, several times."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.driver.client import AskFailed
from bench.driver.loads import HEARTBEAT_PERCENT, Kind, Load, Plan
from bench.driver.measured_server import MeasuredServer
from bench.driver.places import CACHE
from bench.driver.process import ServerFailed
from bench.driver.progress import say
from bench.driver.servers import OURS_FAST, OURS_PURE

Result = dict[str, Any]

_MEASURES = (
    "per_second",
    "p50_us",
    "p99_us",
    "p999_us",
    "max_us",
    "cpu_seconds_per_million",
    "per_cpu_second",
    "generator_busy",
    "of_beside",
)
_EXTRA_SECONDS = 40.0


class LoadFailed(Exception):
    """The generator found a fault; the message is its sentence."""


def run_load(
    measured: MeasuredServer, load: Load, frames: Path, seconds: float, warmup: float
) -> Result:
    """One run of the generator. Raises LoadFailed."""
    words = [str(CACHE / "load"), "--port", str(measured.process.port)]
    words += ["--requests", str(frames), "--server-pid", str(measured.process.pid)]
    words += ["--connections", str(load.connections)]
    words += ["--pipeline", str(load.pipeline)]
    words += ["--seconds", str(seconds), "--warmup", str(warmup)]
    if measured.server.is_blind:
        words.append("--blind")
    if load.kind is Kind.MIXED:
        words += ["--heartbeats", str(measured.heartbeat_frames(load))]
        words += ["--heartbeat-percent", str(HEARTBEAT_PERCENT)]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=seconds + _EXTRA_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise LoadFailed("the load generator did not end in time") from None
    if done.returncode:
        raise LoadFailed(_reason(done.stdout, done.stderr))
    result: Result = json.loads(done.stdout)
    requests = result["requests"] or 1
    cpu_seconds = result["server_cpu_seconds"]
    result["cpu_seconds_per_million"] = cpu_seconds / requests * 1e6
    result["per_cpu_second"] = requests / cpu_seconds if cpu_seconds else 0.0
    result["generator_busy"] = result["generator_cpu_seconds"] / seconds
    return result


def run_rounds(
    measured_servers: Sequence[MeasuredServer], load: Load, plan: Plan
) -> Result:
    """All rounds of one load: {"title": ..., "servers": {name: medians}}."""
    say(load.title)
    seconds = plan.main_seconds if load.is_main else plan.seconds
    count = plan.main_rounds if load.is_main else plan.rounds
    failures: dict[str, str] = {}
    frames = _prepare(measured_servers, load, failures)
    rounds: dict[str, list[Result]] = {name: [] for name in frames}
    for number in range(count):
        for measured in _turned(measured_servers, number):
            name = measured.server.name
            if name not in frames or name in failures:
                continue
            measured.process.thaw()
            try:
                measured.check(measured.table_for(load.table))
                round_of = _round_beside if _has_beside(measured, load) else run_load
                path, warmup = frames[name], plan.warmup_seconds
                rounds[name].append(round_of(measured, load, path, seconds, warmup))
            except (AskFailed, LoadFailed, ServerFailed, OSError) as failure:
                _note_failure(measured, failure, failures)
            measured.process.freeze()
    servers = {name: _medians(found) for name, found in rounds.items() if found}
    for measured in measured_servers:
        medians = servers.get(measured.server.name, {})
        if medians and measured.process.is_running:
            medians["rss_kib"] = measured.process.rss_kib()
        topics = measured.table_for(load.table).topics
        if medians and topics < load.table.topics:
            medians["reduced_topics"] = topics
    servers |= {name: {"failure": reason} for name, reason in failures.items()}
    return {
        "title": load.title,
        "kind": load.kind.value,
        "connections": load.connections,
        "pipeline": load.pipeline,
        "rounds": count,
        "seconds": seconds,
        "servers": servers,
    }


def _has_beside(measured: MeasuredServer, load: Load) -> bool:
    return load.beside is not None and measured.server.name == OURS_FAST.name


def _round_beside(
    measured: MeasuredServer, load: Load, frames: Path, seconds: float, warmup: float
) -> Result:
    """A round of `load` between two of the one that it is compared with."""
    assert load.beside is not None
    other = measured.frames(load.beside, None)
    before = run_load(measured, load.beside, other, seconds, warmup)
    result = run_load(measured, load, frames, seconds, warmup)
    after = run_load(measured, load.beside, other, seconds, warmup)
    beside = (before["per_second"] + after["per_second"]) / 2
    result["of_beside"] = result["per_second"] / beside
    return result


def warm_up(measured: MeasuredServer, loads: Sequence[Load], seconds: float) -> None:
    """Run `loads` for `seconds` together, without keeping what they say.

    Raises AskFailed, LoadFailed and ServerFailed.
    """
    for load in loads:
        frames = measured.frames(load, None)
        run_load(measured, load, frames, seconds / len(loads), 0.0)


def takes_part(measured: MeasuredServer, load: Load) -> bool:
    """An echo cannot tell a heartbeat, or be sent 2 MB only to answer a word."""
    return not measured.server.is_echo or load.kind not in (Kind.MIXED, Kind.REGISTER)


def _prepare(
    measured_servers: Sequence[MeasuredServer], load: Load, failures: dict[str, str]
) -> dict[str, Path]:
    """The frame file of each server that takes part; ours first, for the echoes."""
    frames: dict[str, Path] = {}
    ours = {OURS_FAST.name, OURS_PURE.name}
    for measured in sorted(measured_servers, key=lambda s: s.server.name not in ours):
        if not takes_part(measured, load):
            continue
        name = measured.server.name
        echoed = frames.get(OURS_FAST.name) or frames.get(OURS_PURE.name)
        try:
            if not measured.server.is_echo:
                measured.process.thaw()
            frames[name] = measured.frames(load, echoed)
            measured.process.freeze()
        except (AskFailed, ServerFailed, OSError) as failure:
            _note_failure(measured, failure, failures)
    return frames


def _turned(
    measured_servers: Sequence[MeasuredServer], number: int
) -> list[MeasuredServer]:
    """Each round begins with another server."""
    start = number % len(measured_servers)
    return [*measured_servers[start:], *measured_servers[:start]]


def _medians(rounds: Sequence[Result]) -> Result:
    measures = [measure for measure in _MEASURES if measure in rounds[0]]
    result: Result = {
        measure: median(found[measure] for found in rounds) for measure in measures
    }
    result["requests"] = sum(found["requests"] for found in rounds)
    result["compared"] = sum(found["compared"] for found in rounds)
    result["rounds"] = {
        measure: [found[measure] for found in rounds] for measure in measures
    }
    return result


def _reason(output: str, errors: str) -> str:
    try:
        return str(json.loads(output)["failure"])
    except (ValueError, KeyError):
        return errors.strip() or "the load generator ended without a word"


def _note_failure(
    measured: MeasuredServer, failure: Exception, failures: dict[str, str]
) -> None:
    name = measured.server.name
    failures[name] = str(failure)
    say(f"{name} FAILED: {failure}")

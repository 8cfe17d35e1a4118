"""Interleaved rounds: one load after the other, server by server, several times."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.driver.client import AskFailed
from bench.driver.loads import HEARTBEAT_PERCENT, Kind, Load, Plan
from bench.driver.places import CACHE
from bench.driver.process import ServerFailed
from bench.driver.progress import say
from bench.driver.servers import OURS_FAST, OURS_PURE
from bench.driver.station import Station

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
    station: Station, load: Load, frames: Path, seconds: float, warmup: float
) -> Result:
    """One run of the generator. Raises LoadFailed."""
    words = [str(CACHE / "load"), "--port", str(station.process.port)]
    words += ["--requests", str(frames), "--server-pid", str(station.process.pid)]
    words += ["--connections", str(load.connections)]
    words += ["--pipeline", str(load.pipeline)]
    words += ["--seconds", str(seconds), "--warmup", str(warmup)]
    if station.server.is_blind:
        words.append("--blind")
    if load.kind is Kind.MIXED:
        words += ["--heartbeats", str(station.heartbeat_frames(load))]
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


def run_rounds(stations: Sequence[Station], load: Load, plan: Plan) -> Result:
    """All rounds of one load: {"title": ..., "servers": {name: medians}}."""
    say(load.title)
    seconds = plan.main_seconds if load.is_main else plan.seconds
    count = plan.main_rounds if load.is_main else plan.rounds
    failures: dict[str, str] = {}
    frames = _prepare(stations, load, failures)
    rounds: dict[str, list[Result]] = {name: [] for name in frames}
    for number in range(count):
        for station in _turned(stations, number):
            name = station.server.name
            if name not in frames or name in failures:
                continue
            station.process.thaw()
            try:
                station.check(station.table_for(load.table))
                round_of = _round_beside if _has_beside(station, load) else run_load
                path, warmup = frames[name], plan.warmup_seconds
                rounds[name].append(round_of(station, load, path, seconds, warmup))
            except (AskFailed, LoadFailed, ServerFailed, OSError) as failure:
                _note_failure(station, failure, failures)
            station.process.freeze()
    servers = {name: _medians(found) for name, found in rounds.items() if found}
    for station in stations:
        medians = servers.get(station.server.name, {})
        if medians and station.process.is_running:
            medians["rss_kib"] = station.process.rss_kib()
        topics = station.table_for(load.table).topics
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


def _has_beside(station: Station, load: Load) -> bool:
    return load.beside is not None and station.server.name == OURS_FAST.name


def _round_beside(
    station: Station, load: Load, frames: Path, seconds: float, warmup: float
) -> Result:
    """A round of `load` between two of the one that it is compared with."""
    assert load.beside is not None
    other = station.frames(load.beside, None)
    before = run_load(station, load.beside, other, seconds, warmup)
    result = run_load(station, load, frames, seconds, warmup)
    after = run_load(station, load.beside, other, seconds, warmup)
    beside = (before["per_second"] + after["per_second"]) / 2
    result["of_beside"] = result["per_second"] / beside
    return result


def warm_up(station: Station, loads: Sequence[Load], seconds: float) -> None:
    """Run `loads` for `seconds` together, without keeping what they say.

    Raises AskFailed, LoadFailed and ServerFailed.
    """
    for load in loads:
        frames = station.frames(load, None)
        run_load(station, load, frames, seconds / len(loads), 0.0)


def takes_part(station: Station, load: Load) -> bool:
    """An echo cannot tell a heartbeat, or be sent 2 MB only to answer a word."""
    return not station.server.is_echo or load.kind not in (Kind.MIXED, Kind.REGISTER)


def _prepare(
    stations: Sequence[Station], load: Load, failures: dict[str, str]
) -> dict[str, Path]:
    """The frame file of each server that takes part; ours first, for the echoes."""
    frames: dict[str, Path] = {}
    ours = {OURS_FAST.name, OURS_PURE.name}
    for station in sorted(stations, key=lambda s: s.server.name not in ours):
        if not takes_part(station, load):
            continue
        name = station.server.name
        echoed = frames.get(OURS_FAST.name) or frames.get(OURS_PURE.name)
        try:
            if not station.server.is_echo:
                station.process.thaw()
            frames[name] = station.frames(load, echoed)
            station.process.freeze()
        except (AskFailed, ServerFailed, OSError) as failure:
            _note_failure(station, failure, failures)
    return frames


def _turned(stations: Sequence[Station], number: int) -> list[Station]:
    """Each round begins with another server."""
    start = number % len(stations)
    return [*stations[start:], *stations[:start]]


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
    station: Station, failure: Exception, failures: dict[str, str]
) -> None:
    name = station.server.name
    failures[name] = str(failure)
    say(f"{name} FAILED: {failure}")

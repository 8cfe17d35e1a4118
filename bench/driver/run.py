"""One whole measuring run, from nothing to a results file."""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.driver.choice import Choice
from bench.driver.client import AskFailed
from bench.driver.fetch import build_generators
from bench.driver.loads import BUDGET_TABLE, Kind, Load, Plan, large_loads, loads
from bench.driver.lone import measure_alone, raise_file_limit
from bench.driver.machine import describe_machine, describe_versions, need_extensions
from bench.driver.measured_server import MeasuredServer
from bench.driver.places import CACHE, as_written, cores
from bench.driver.process import ServerFailed
from bench.driver.progress import say
from bench.driver.rounds import LoadFailed, Result, run_rounds, warm_up
from bench.driver.servers import OURS_FAST, OURS_PURE, Server
from bench.driver.storms import measure_storms

_STORM_SERVERS = (
    *("ours-fast", "ours-pure", "other-fast"),
    *("java-5.3.3-2g", "java-5.5.0-2g"),
)


def measure(
    kind: str, servers: Sequence[Server], absent: dict[str, str], choice: Choice
) -> Path:
    """Measure `servers` and write `kind`.json into the folder chosen."""
    plan = choice.plan
    began = time.monotonic()
    need_extensions()
    build_generators()
    raise_file_limit()
    result: dict[str, Any] = {
        "kind": kind,
        "quick": plan.quick,
        "machine": describe_machine(),
        "versions": describe_versions(),
        "titles": {server.name: server.title for server in servers},
        "absent": absent,
        "commands": {},
    }
    os.sched_setaffinity(0, {cores()[1]})
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=CACHE))
    try:
        result["commands"] = _commands(servers, folder)
        wanted = [*loads(), *large_loads(plan)]
        field, echoed = _measure_field(servers, folder / "field", wanted, plan)
        result["loads"] = field
        result["alone"] = measure_alone(servers, folder / "alone", plan, echoed)
        result["storms"] = _storms(servers, folder, plan)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result["minutes"] = round((time.monotonic() - began) / 60, 1)
    return write_result(kind, choice.folder, result)


def measure_storms_again(kind: str, servers: Sequence[Server], choice: Choice) -> Path:
    """Measure the storms anew, of all servers in one session, into the results of an
    earlier run, which then say so."""
    path = choice.folder / f"{kind}.json"
    if not path.exists():
        sys.exit(f"storms: {path} has no results to go into: measure all first")
    need_extensions()
    build_generators()
    raise_file_limit()
    result: dict[str, Any] = json.loads(path.read_text())
    result["storms_machine"] = describe_machine()
    os.sched_setaffinity(0, {cores()[1]})
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=CACHE))
    try:
        result["storms"] = _storms(servers, folder, choice.plan)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return write_result(kind, choice.folder, result)


def _storms(
    servers: Sequence[Server], folder: Path, plan: Plan
) -> dict[str, dict[str, Any]]:
    stormy = [server for server in servers if server.name in _STORM_SERVERS]
    return measure_storms(stormy, folder / "storms", plan)


def write_result(kind: str, folder: Path, result: dict[str, Any]) -> Path:
    """Write `kind`.json into a folder, without the places of this machine."""
    path = folder / f"{kind}.json"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(as_written(json.dumps(result, indent=1)) + "\n")
    return path


def _measure_field(
    servers: Sequence[Server], folder: Path, wanted: Sequence[Load], plan: Plan
) -> tuple[dict[str, Result], Path | None]:
    """Start all, warm up, run the loads; also a frame file of our own answers."""
    folder.mkdir()
    results: dict[str, Result] = {}
    with ExitStack() as stack:
        measured_servers = []
        for server in servers:
            say(f"starting {server.title}")
            measured = stack.enter_context(MeasuredServer(server, folder))
            if _is_up(measured, plan):
                measured_servers.append(measured)
        for load in wanted:
            results[load.name] = run_rounds(measured_servers, load, plan)
        echoed = _own_answers(measured_servers, wanted[0], folder)
    return results, echoed


def _is_up(measured: MeasuredServer, plan: Plan) -> bool:
    """Start and warm one server; the others stand still meanwhile."""
    if measured.server.is_echo:
        return True
    try:
        measured.start()
        if measured.server.is_jvm:
            table = BUDGET_TABLE
            warm = [Load("", Kind.LOOKUP, table, 50, size) for size in (1, 16)]
            warm_up(measured, warm, plan.jvm_warmup_seconds)
    except (AskFailed, LoadFailed, ServerFailed, OSError) as failure:
        say(f"{measured.server.name} FAILED: {failure}")
        return False
    measured.process.freeze()
    return True


def _own_answers(
    measured_servers: Sequence[MeasuredServer], load: Load, folder: Path
) -> Path | None:
    """Answers of ours for the echoes of later measurements, kept beside the run."""
    for measured in measured_servers:
        if measured.server in (OURS_FAST, OURS_PURE):
            kept = folder.parent / "echoed"
            measured.process.thaw()
            shutil.copyfile(measured.frames(load, None), kept)
            return kept
    return None


def _commands(servers: Sequence[Server], folder: Path) -> dict[str, str]:
    """How each is started."""
    commands = {}
    for server in servers:
        home = folder / "commands" / server.name
        home.mkdir(parents=True)
        words = [f"{key}={value}" for key, value in server.environment.items()]
        words += ["taskset", "-c", str(cores()[0]), *server.command(home, 9876)]
        commands[server.name] = " ".join(words).replace(
            str(home), "$HOME_OF_THE_SERVER"
        )
    return commands

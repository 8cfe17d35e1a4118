"""Lookups with one lane and without, beside echoes of the same bytes."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from bench.driver.loads import BUDGET_TABLE, Kind, Load, Plan
from bench.driver.measured_server import MeasuredServer
from bench.driver.progress import say
from bench.driver.rounds import run_rounds
from bench.driver.servers import C_ECHO, OURS_FAST, UVLOOP_ECHO
from bench.lanes.servers import ours
from bench.report.markdown import table

ONE, NONE = OURS_FAST, ours(0)
SERVERS = (ONE, NONE, UVLOOP_ECHO, C_ECHO)
LOADS = tuple(
    Load(f"{kind.value}-{n}x{p}", kind, BUDGET_TABLE, n, p, is_main=True)
    for kind, n, p in (
        (Kind.LOOKUP, 50, 1),
        (Kind.LOOKUP, 500, 1),
        (Kind.LOOKUP, 50, 16),
        (Kind.UNKNOWN, 50, 1),
        (Kind.UNKNOWN, 50, 16),
    )
)
_TITLES = (
    *("load", "1 lane, k/s", "no lanes", "uvloop echo", "C echo"),
    *("1 lane / uvloop", "1 lane / C", "no lanes / uvloop"),
    *("1 lane, CPU s per M", "no lanes", "1 lane / no lanes"),
    *("1 lane, p99 ms", "no lanes"),
)


def measure_loads(folder: Path, plan: Plan) -> str:
    """A table of interleaved rounds. Raises AskFailed and ServerFailed."""
    with ExitStack() as stack:
        measured = []
        for server in SERVERS:
            one = stack.enter_context(MeasuredServer(server, folder))
            if not server.is_echo:
                say(f"starting {server.title}")
                one.start()
                one.process.freeze()
            measured.append(one)
        rows = [_row(load, run_rounds(measured, load, plan)) for load in LOADS]
    return table(_TITLES, rows)


def _row(load: Load, result: dict[str, Any]) -> Sequence[str]:
    servers = result["servers"]
    failures = [s["failure"] for s in servers.values() if "failure" in s]
    if failures:
        return [load.title, *failures]

    def rounds(name: str, measure: str) -> list[float]:
        found: list[float] = servers[name]["rounds"][measure]
        return found

    def share(name: str, of: str, measure: str = "per_second") -> str:
        pairs = zip(rounds(name, measure), rounds(of, measure), strict=True)
        return f"{median(one / other for one, other in pairs):.2f}"

    def middle(name: str, measure: str, scale: float, digits: int) -> str:
        return f"{median(rounds(name, measure)) / scale:,.{digits}f}"

    names = [server.name for server in SERVERS]
    cpu = "cpu_seconds_per_million"
    return [
        load.title,
        *(middle(name, "per_second", 1e3, 0) for name in names),
        share(ONE.name, UVLOOP_ECHO.name),
        share(ONE.name, C_ECHO.name),
        share(NONE.name, UVLOOP_ECHO.name),
        middle(ONE.name, cpu, 1, 2),
        middle(NONE.name, cpu, 1, 2),
        share(ONE.name, NONE.name, cpu),
        middle(ONE.name, "p99_us", 1e3, 2),
        middle(NONE.name, "p99_us", 1e3, 2),
    ]

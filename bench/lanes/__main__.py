"""`make bench-lanes`: the gain and the cost of lookup lanes.

Three tables: loads with one lane and none beside echoes of the same bytes, storms of
registrations with probes of lookups, and lookups on all cores. The last one is to be
repeated on machines with more cores: `python -m bench.lanes cores`.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from bench.driver.fetch import build_generators
from bench.driver.loads import FULL, QUICK
from bench.driver.lone import raise_file_limit
from bench.driver.machine import describe_machine, need_extensions
from bench.driver.places import CACHE, RESULTS, cores
from bench.driver.servers import other_servers
from bench.lanes.loads import measure_loads
from bench.lanes.spread import measure_spread
from bench.lanes.storms import measure_storms

TABLES = ("loads", "storms", "cores")
_STORMY = ("java-5.3.3-2g", "java-5.5.0-2g")
RESULT = RESULTS / "LANES.md"


def main() -> int:
    words = _parser().parse_args()
    wanted = words.tables or list(TABLES)
    plan = QUICK if words.quick else FULL
    need_extensions()
    build_generators()
    raise_file_limit()
    CACHE.mkdir(parents=True, exist_ok=True)
    all_cores = os.sched_getaffinity(0)
    others = [s for s in other_servers()[0] if s.name in _STORMY] if words.java else []
    parts: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="lanes-", dir=CACHE) as folder:
        for name in wanted:
            place = Path(folder) / name
            place.mkdir()
            if name == "cores":
                os.sched_setaffinity(0, all_cores)
                parts[name] = measure_spread(place, plan, all_cores, others)
                continue
            os.sched_setaffinity(0, {cores()[1]})
            if name == "loads":
                parts[name] = measure_loads(place, plan)
            else:
                parts[name] = measure_storms(place, plan, others)
    report = _report(parts)
    print(report)
    if words.save:
        RESULT.write_text(report)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench-lanes", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short, for no figures")
    parser.add_argument("--java", action="store_true", help="with Java's NameServers")
    parser.add_argument(
        "--save", action="store_true", help="write bench/results/LANES.md"
    )
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []], metavar="TABLE")
    return parser


def _report(parts: dict[str, str]) -> str:
    machine = describe_machine()
    heads = {
        "loads": "Lookups, server and generator on a core each",
        "storms": "Lookups while all brokers register, server on one core",
        "cores": f"Lookups on all {machine['cores']} cores",
    }
    lines = ["# Lookup lanes", ""]
    lines += [
        f"`make bench-lanes`, {machine['when']}, {machine['cpu']},"
        f" {machine['cores']} cores, {machine['system']}, commit"
        f" {machine['commit'][:12]}. Written by the benchmark.",
        "",
    ]
    for name, text in parts.items():
        lines += [f"## {heads[name]}", "", text]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

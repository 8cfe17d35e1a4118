"""`make bench`: a table of pure, fast and their ratio from pytest-benchmark's JSON.

usage: python -m bench.report.micro FILE [--save]
"""

import argparse
import json
import re
from pathlib import Path
from typing import Any

from bench.driver.machine import describe_machine
from bench.driver.places import RESULTS
from bench.report.markdown import nanos, ratio, table

MICRO = "micro.json"
Twins = dict[str, dict[str, float]]


def read_benchmarks(raw: dict[str, Any]) -> Twins:
    """Median seconds of a request, by benchmark and twin."""
    found: Twins = {}
    for benchmark in raw["benchmarks"]:
        params: dict[str, object] = dict(benchmark["params"])
        twin = str(params.pop("twin"))
        name = re.sub(r"^test_|\[.*", "", benchmark["name"])
        if params:
            name += f"[{', '.join(str(value) for value in params.values())}]"
        requests = benchmark["extra_info"].get("requests", 1)
        median = benchmark["stats"]["median"] / requests
        found.setdefault(name, {})[twin] = median
    return found


def ratios(twins: Twins) -> dict[str, float]:
    """pure / fast by benchmark."""
    return {
        name: found["pure"] / found["fast"]
        for name, found in twins.items()
        if found.keys() >= {"pure", "fast"}
    }


def micro_table(twins: Twins) -> str:
    """As Markdown; times are those of one request, however many came in a read."""
    faster = ratios(twins)
    rows = [
        [
            name.replace("_", " "),
            nanos(found["pure"]) if "pure" in found else "missing",
            nanos(found["fast"]) if "fast" in found else "missing",
            ratio(faster.get(name)),
        ]
        for name, found in twins.items()
    ]
    return table(["one request", "pure", "fast", "ratio"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Print a table of both twins.")
    parser.add_argument("file", type=Path, help="JSON of pytest-benchmark")
    parser.add_argument("--save", action="store_true", help="write to bench/results")
    words = parser.parse_args()
    twins = read_benchmarks(json.loads(words.file.read_text()))
    if words.save:
        kept = {"machine": describe_machine(), "median_seconds": twins}
        (RESULTS / MICRO).write_text(json.dumps(kept, indent=1) + "\n")
    print(micro_table(twins))


if __name__ == "__main__":
    main()

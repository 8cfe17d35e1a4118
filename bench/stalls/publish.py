"""Writes the results of a whole run beside those of the other benchmarks."""

import json
from collections.abc import Sequence
from typing import Any

from bench.driver.places import RESULTS
from bench.stalls.report import HEAD, Judged, line


def write_results(judged: Sequence[Judged], twin: str, about: dict[str, Any]) -> str:
    """`stalls.json` and `STALLS.md` in bench/results; the name of the latter."""
    rows = {one.row.name: one.as_dict() for one in judged}
    result = {"kind": "stalls", "twin": twin, **about, "rows": rows}
    text = json.dumps(result, indent=1) + "\n"
    (RESULTS / "stalls.json").write_text(text)
    page = RESULTS / "STALLS.md"
    page.write_text(_page(judged, twin, about))
    return page.name


def _page(judged: Sequence[Judged], twin: str, about: dict[str, Any]) -> str:
    machine = about["machine"]
    missed = [one for one in judged if one.misses]
    lines = [
        "# The longest waits that a peer can cause",
        "",
        f"Measured {machine['when']} at commit {machine['commit'][:7]}, {twin} twin,"
        f" on {machine['cpu']}, {machine['cores']} cores; medians of three.",
        "",
        f"{len(judged) - len(missed)} of {len(judged)} rows meet the goal: nobody"
        " else waits for more than 20 ms (for a frame: and 12 ms for each MiB of it),"
        " and nothing costs more than 5 microseconds of CPU for each byte sent and 20"
        " nanoseconds for each byte answered. Repeat it with `make stalls`.",
        "",
        HEAD,
        *(line(one) for one in judged),
        "",
    ]
    return "\n".join(lines)

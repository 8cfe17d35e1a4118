"""Writes the results beside those of the other benchmarks, row after row.

A run that was interrupted loses one row: `--continue` measures those that are missing.
Rows that are named are measured again, and join the others.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.driver.places import RESULTS
from bench.stalls.catalogue import ROWS
from bench.stalls.measure import Outcome
from bench.stalls.report import HEAD, Judged, line


class Results:
    """`stalls.json` and `STALLS.md` of a folder; `rows` are those that it has."""

    def __init__(
        self,
        twin: str,
        about: dict[str, Any],
        *,
        keeps_rows: bool,
        folder: Path = RESULTS,
    ) -> None:
        """`about` describes the machine and the versions; `keeps_rows` leaves the rows
        of an earlier run of the same twin in place."""
        self._twin = twin
        self._about = about
        self._json = folder / "stalls.json"
        self._page = folder / "STALLS.md"
        self.rows: dict[str, Any] = self._kept() if keeps_rows else {}

    def add(self, judged: Judged) -> str:
        """Write a row, with all that are there; the name of the page."""
        machine = self._about["machine"]
        measured = {"when": machine["when"], "commit": machine["commit"]}
        self.rows[judged.row.name] = {**judged.as_dict(), **measured}
        result = {"kind": "stalls", "twin": self._twin, **self._about}
        result["rows"] = self.rows
        self._json.write_text(json.dumps(result, indent=1) + "\n")
        self._page.write_text(self.text())
        return self._page.name

    def _kept(self) -> dict[str, Any]:
        if not self._json.exists():
            return {}
        stored = json.loads(self._json.read_text())
        names = {row.name for row in ROWS}
        rows = stored["rows"] if stored["twin"] == self._twin else {}
        return {name: row for name, row in rows.items() if name in names}

    def _judged(self) -> list[Judged]:
        """All rows, in the order of the catalogue."""
        return [
            Judged(row, [Outcome(**one) for one in self.rows[row.name]["outcomes"]])
            for row in ROWS
            if row.name in self.rows
        ]

    def text(self) -> str:
        """The page, of all rows that are there."""
        judged = self._judged()
        missed = [one for one in judged if one.misses]
        machine = self._about["machine"]
        commits = sorted({row["commit"][:7] for row in self.rows.values()})
        lines = [
            "# The longest waits that a peer can cause",
            "",
            f"Measured {machine['when']} at commit {' and '.join(commits)},"
            f" {self._twin} twin, on {machine['cpu']}, {machine['cores']} cores;"
            " medians of three.",
            "",
            f"{len(judged) - len(missed)} of {len(judged)} rows meet the goal: nobody"
            " else waits for more than 20 ms (for a frame: and 12 ms for each MiB of"
            " it), and nothing costs more than 5 microseconds of CPU for each byte sent"
            " and 20 nanoseconds for each byte answered. Repeat it with `make stalls`.",
            "",
            f"The load average was {machine['load_average'][0]:.1f} at the start."
            " Beside other work waits come out longer than they are, CPU a little.",
            "",
            "A ready topic is one whose answer no row but 318 of routes changes: its"
            " lookups are asked every 1.5 ms, and lookup lanes answer them beside the"
            " loop.",
            "",
            *_missing([row.name for row in ROWS if row.name not in self.rows]),
            *_reasons(missed),
            HEAD,
            *(line(one) for one in judged),
            "",
        ]
        return "\n".join(lines)


def _missing(names: Sequence[str]) -> list[str]:
    return [f"Not measured yet: {'; '.join(names)}.", ""] if names else []


def _reasons(missed: Sequence[Judged]) -> list[str]:
    if not missed:
        return []
    lines = [
        f"* **{one.row.name}** misses it ({'; '.join(one.misses)}): {one.row.reason}"
        for one in missed
    ]
    return ["The rows that miss it, and why:", "", *lines, ""]

"""Results of `make stalls` that are saved row by row."""

import json
from pathlib import Path
from typing import Any

from bench.stalls.catalogue import ROWS, Row
from bench.stalls.measure import Outcome
from bench.stalls.publish import Results
from bench.stalls.report import Judged

FIRST, SECOND, THIRD = ROWS[:3]


def about(commit: str) -> dict[str, Any]:
    machine = {"when": "today", "commit": commit, "cpu": "a CPU", "cores": 2}
    return {"machine": {**machine, "load_average": [0.5]}, "versions": {}}


def judged(row: Row, cpu_millis: float = 1.0) -> Judged:
    return Judged(row, [Outcome(1000, 10, cpu_millis, 2.0, 0.1, False)])


def results(folder: Path, commit: str = "1111111", **more: Any) -> Results:
    wanted = {"twin": "fast", "about": about(commit), "keeps_rows": True, **more}
    return Results(**wanted, folder=folder)


def test_rows_of_several_runs_join_in_the_order_of_the_catalogue(
    tmp_path: Path,
) -> None:
    results(tmp_path, keeps_rows=False).add(judged(THIRD))
    again = results(tmp_path, "2222222")
    again.add(judged(FIRST, 99.0))
    assert list(again.rows) == [THIRD.name, FIRST.name]
    page = (tmp_path / "STALLS.md").read_text()
    assert page.index(f"| {FIRST.name} |") < page.index(f"| {THIRD.name} |")
    assert "at commit 1111111 and 2222222" in page
    assert "1 of 2 rows meet the goal" in page
    assert f"Not measured yet: {SECOND.name}; " in page
    assert f"* **{FIRST.name}** misses it (CPU, goal 5 ms): {FIRST.reason}" in page


def test_whole_run_and_other_twin_begin_anew(tmp_path: Path) -> None:
    results(tmp_path, keeps_rows=False).add(judged(FIRST))
    assert results(tmp_path, keeps_rows=False).rows == {}
    assert results(tmp_path, twin="pure").rows == {}
    assert list(results(tmp_path).rows) == [FIRST.name]


def test_row_that_left_the_catalogue_is_dropped(tmp_path: Path) -> None:
    results(tmp_path, keeps_rows=False).add(judged(SECOND))
    path = tmp_path / "stalls.json"
    path.write_text(path.read_text().replace(f'"{SECOND.name}"', '"gone"'))
    assert "gone" in json.loads(path.read_text())["rows"]
    assert results(tmp_path).rows == {}

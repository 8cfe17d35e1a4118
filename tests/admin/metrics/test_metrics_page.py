"""docs/metrics.md has every metric, as the table of the code has it."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from namesrv.admin.metrics.table import METRICS

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "metrics.md"
PRINTER = ROOT / "docs" / "metric_table.py"


def printer() -> Any:
    spec = spec_from_file_location("metric_table", PRINTER)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_has_the_table_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert printer().table(page) in page


def test_every_metric_has_a_hint_for_an_alert() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| `(\w+)` \|.*\| (.*) \|$", page)
    assert [name for name, _ in rows] == [metric.name for metric in METRICS]
    assert [name for name, hint in rows if not hint.strip()] == []


def test_no_name_is_in_the_table_twice() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)

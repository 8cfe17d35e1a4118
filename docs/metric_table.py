"""Print the table of docs/metrics.md from the code: `python docs/metric_table.py`.

The hints for alerts stand in the page only.
"""

import re
from pathlib import Path
from typing import Final

from namesrv.admin.metrics.catalogue import Metric
from namesrv.admin.metrics.table import METRICS

PAGE: Final = Path(__file__).with_name("metrics.md")
_ROW: Final = re.compile(r"^\| `(\w+)` \|.*\| (.*) \|$", re.MULTILINE)


def row(metric: Metric, hint: str) -> str:
    """The line of one metric."""
    labels = ", ".join(f"`{label}`" for label in metric.labels) or " "
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.meaning} | {hint} |"


def table(page: str) -> str:
    """All rows, with the hints of the page."""
    hints = dict(_ROW.findall(page))
    head = ["| metric | type | labels | meaning | alert |", "|---|---|---|---|---|"]
    rows = [row(metric, hints.get(metric.name, " ")) for metric in METRICS]
    return "\n".join([*head, *rows])


if __name__ == "__main__":
    print(table(PAGE.read_text(encoding="utf-8")))

"""Hold the last coverage to its limits, lines and branches: `make test COVERAGE=1`.

Reads the combined data of .coverage. Branches may only rise: a change that reaches more
of them raises BRANCHES.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

LINES = 95.0
BRANCHES = 95.0


def totals() -> tuple[float, float]:
    """Percentages of lines and of branches that ran."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coverage.json"
        command = [sys.executable, "-m", "coverage", "json", "--quiet"]
        command += ["--fail-under=0", "-o", str(path)]
        subprocess.run(command, check=True)
        found = json.loads(path.read_text())["totals"]
    lines = 100 * found["covered_lines"] / found["num_statements"]
    return lines, 100 * found["covered_branches"] / found["num_branches"]


def main() -> int:
    """Print the figures; 1 if one is below its limit."""
    lines, branches = totals()
    print(f"lines {lines:.2f}% (limit {LINES}), branches {branches:.2f}% ({BRANCHES})")
    if lines >= LINES and branches >= BRANCHES:
        return 0
    print("coverage is below its limit: test what is new", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())

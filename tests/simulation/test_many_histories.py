"""Many histories on the twin in use."""

import os
import subprocess
import sys

import pytest

from namesrv._impl import IMPLEMENTATION
from tests.scale import scaled

PARTS = 4
HISTORIES = scaled(1000) // PARTS
"""Of a part, on each twin; `make test` runs this folder over both. A part is a test, so
that no worker ends long after the others."""


@pytest.mark.parametrize("part", range(PARTS))
def test_they_keep_the_promises(part: int) -> None:
    ran = simulate("--histories", str(HISTORIES), "--seed", str(part * HISTORIES))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{HISTORIES} histories ({IMPLEMENTATION} twin" in ran.stdout
    assert "no violation" in ran.stdout


def simulate(*words: str) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own that nobody traces."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    return subprocess.run(
        [sys.executable, "-m", "namesrv.testing.simulator", *words],
        env=kept,
        capture_output=True,
        text=True,
        timeout=3600,
    )

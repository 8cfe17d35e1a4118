"""A million requests of each kind keep nothing; the scripts are in `leaks`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.full

SCRIPTS = [
    "lookups",
    "heartbeats",
    "registrations",
    "cold",
    "frames",
    "tables",
    "connections",
]


def test_every_script_is_run() -> None:
    files = {file.stem for file in (Path(__file__).parent / "leaks").glob("*.py")}
    assert files == {*SCRIPTS, "measure", "server"}


@pytest.mark.parametrize("script", SCRIPTS)
def test_nothing_is_kept(script: str) -> None:
    environment = {
        **os.environ,
        "NAMESRV_REQUIRE_EXTENSIONS": "1",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        # Where it watches, freed memory must not stay with it.
        "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1",
    }
    environment.pop("NAMESRV_NO_EXTENSIONS", None)
    done = subprocess.run(
        [sys.executable, "-m", f"tests.parity.leaks.{script}"],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(" (fast): ") > 0

"""Requests that want no answer cost no copy of it."""

import subprocess
import sys

import pytest

from namesrv.testing.twins import NAMES
from tests.hot_path import one_way_peak


@pytest.mark.parametrize("receiver", ["connection", "lane"])
@pytest.mark.parametrize("twin", NAMES)
def test_one_way_lookups_copy_nothing(twin: str, receiver: str) -> None:
    words = [sys.executable, "-m", one_way_peak.__name__, twin, receiver]
    run = subprocess.run(words, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < one_way_peak.LONG_BYTES // 2

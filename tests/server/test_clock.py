"""The two clocks."""

import time

import pytest

from namesrv.server import clock
from namesrv.server.clock import monotonic_millis, wall_millis


def test_monotonic_clock_goes_forward_in_milliseconds() -> None:
    before = monotonic_millis()
    time.sleep(0.02)
    after = monotonic_millis()
    assert type(after) is int
    assert 15 <= after - before <= 60_000


def test_system_without_clocks_by_number_has_one_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clock, "_CLOCK", None)
    before = monotonic_millis()
    assert type(before) is int
    assert 0 <= monotonic_millis() - before <= 60_000


def test_wall_clock_says_the_date() -> None:
    assert abs(wall_millis() - time.time() * 1000) <= 60_000
    assert type(wall_millis()) is int

"""The lag of the event loop."""

import pytest

from namesrv.server.life.lag import BUCKETS_MILLIS, WINDOW_MILLIS, LoopLag


def test_lags_are_counted_by_their_upper_bounds() -> None:
    lag = LoopLag()
    for millis in (0, 1, 2, 3, 5000, 5001):
        lag.note(millis, 0)
    counts = dict(zip((*BUCKETS_MILLIS, None), lag.counts, strict=True))
    assert {bound: n for bound, n in counts.items() if n} == {
        1: 2,
        2: 1,
        5: 1,
        5000: 1,
        None: 1,
    }
    assert (lag.last_millis, lag.total_millis) == (5001, 10_007)


def test_tick_that_came_early_has_no_lag() -> None:
    lag = LoopLag()
    lag.note(-3, 0)
    assert (lag.last_millis, lag.total_millis, lag.counts[0]) == (0, 0, 1)


@pytest.mark.parametrize(
    ("within_millis", "longest"), [(0, 1), (100, 7), (200, 7), (300, 30), (400, 30)]
)
def test_longest_lag_is_that_of_the_window(within_millis: int, longest: int) -> None:
    lag = LoopLag()
    for at_ms, millis in ((0, 20), (100, 30), (200, 5), (300, 7), (400, 1)):
        lag.note(millis, at_ms)
    assert lag.longest_millis(within_millis, 400) == longest


def test_no_lag_is_longest_where_no_tick_came() -> None:
    lag = LoopLag()
    assert lag.longest_millis(1000, 0) == 0
    lag.note(50, 0)
    assert lag.longest_millis(1000, 1001) == 0


def test_lags_before_the_window_are_forgotten() -> None:
    lag = LoopLag()
    for at_ms in range(0, 3 * WINDOW_MILLIS, 100):
        lag.note(3 * WINDOW_MILLIS - at_ms, at_ms)
    assert len(lag._longest) <= WINDOW_MILLIS // 100 + 1

"""Metrics of the server as a whole: its build, its loop, its phase."""

import platform
from collections.abc import Iterable
from typing import Final

from namesrv import __version__
from namesrv._impl import IMPLEMENTATION
from namesrv.admin.metrics.catalogue import Histogram, Metric, Sample, View, single
from namesrv.admin.metrics.health import obstacle
from namesrv.server.life.lag import BUCKETS_MILLIS, WINDOW_MILLIS

_BOUNDS: Final = tuple(millis / 1000 for millis in BUCKETS_MILLIS)


def _build(view: View) -> Iterable[Sample]:
    return [((__version__, IMPLEMENTATION, platform.python_version()), 1)]


def _lag(view: View) -> Iterable[Sample]:
    lag = view.inside.ticks.lag
    return [((), Histogram(_BOUNDS, lag.counts, lag.total_millis / 1000))]


def _last_lag(view: View) -> float:
    return view.inside.ticks.lag.last_millis / 1000


def _longest_lag(view: View) -> float:
    lag = view.inside.ticks.lag
    return lag.longest_millis(WINDOW_MILLIS, view.now_ms) / 1000


def _stalls(view: View) -> Iterable[Sample]:
    liveness = view.inside.state.liveness
    return [
        (("machine",), liveness.machine_stalls),
        (("own",), liveness.own_stalls),
    ]


def _ready(view: View) -> float:
    return obstacle(view.inside, view.now_ms) is None


METRICS: Final = (
    Metric(
        "build_info",
        "info",
        ("version", "implementation", "python"),
        "The version of namesrv, the hot path in use (fast or pure), and Python's"
        " version.",
        _build,
    ),
    Metric(
        "ready",
        "gauge",
        (),
        "1 if clients should come here, 0 if /readyz answers 503.",
        single(_ready),
    ),
    Metric(
        "loop_lag_seconds",
        "histogram",
        (),
        "How much later than planned each tick of the event loop came.",
        _lag,
    ),
    Metric(
        "loop_lag_last_seconds",
        "gauge",
        (),
        "The lag of the last tick of the event loop.",
        single(_last_lag),
    ),
    Metric(
        "loop_lag_longest_seconds",
        "gauge",
        (),
        "The longest lag of the event loop in the last minute.",
        single(_longest_lag),
    ),
    Metric(
        "stalls_total",
        "counter",
        ("maker",),
        "Pauses of the process of 1.5 s and more: made by the machine, which stopped or"
        " starved it, or by its own work.",
        _stalls,
    ),
)

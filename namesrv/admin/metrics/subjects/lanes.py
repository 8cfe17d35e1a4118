"""Metrics of lookup lanes."""

from collections.abc import Iterable
from typing import Final

from namesrv.admin.metrics.catalogue import Metric, Sample, View, single
from namesrv.server.lanes.lanes import LaneCounts


def _counts(view: View) -> LaneCounts:
    lanes = view.inside.lanes
    return LaneCounts() if lanes is None else lanes.counts


def _connections(view: View) -> Iterable[Sample]:
    counts = _counts(view)
    return [
        (("accepted",), counts.accepted),
        (("handed_over",), counts.handed_over),
        (("dropped",), counts.dropped),
    ]


def _questions(view: View) -> float:
    return _counts(view).asked


def _lanes(view: View) -> float:
    lanes = view.inside.lanes
    return 0 if lanes is None else lanes.running


METRICS: Final = (
    Metric(
        "lookup_lanes",
        "gauge",
        (),
        "Threads that accept connections and answer lookups of ready topics"
        " (lookupLanes).",
        single(_lanes),
    ),
    Metric(
        "lane_connections_total",
        "counter",
        ("event",),
        "Connections accepted by lanes, handed_over to the loop for good, and dropped"
        " for lack of memory or because they did not read while the loop was busy.",
        _connections,
    ),
    Metric(
        "lane_questions_total",
        "counter",
        (),
        "Lookups, or several of one read, that a lane asked of the loop because their"
        " answer was not ready.",
        single(_questions),
    ),
)

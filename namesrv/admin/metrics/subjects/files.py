"""Metrics of snapshots, the warm start, and the logs."""

from collections.abc import Iterable
from typing import Final

from namesrv.admin.metrics.catalogue import Metric, Sample, View, single
from namesrv.server.logs.handlers import lost_log_lines

_MILLIS: Final = 1000


def _snapshot_age(view: View) -> Iterable[Sample]:
    written_ms = view.inside.snapshots.costs.last_written_ms
    if written_ms is None:
        return []
    return [((), max(view.now_ms - written_ms, 0) / _MILLIS)]


def _snapshot_size(view: View) -> Iterable[Sample]:
    size_bytes = view.inside.snapshots.costs.last_bytes
    return [] if size_bytes is None else [((), size_bytes)]


def _snapshots(view: View) -> Iterable[Sample]:
    costs = view.inside.snapshots.costs
    return [(("written",), costs.written), (("failed",), costs.failed)]


def _packing(view: View) -> float:
    return view.inside.snapshots.costs.packing_millis / _MILLIS


def _writing(view: View) -> float:
    return view.inside.snapshots.costs.writing_millis / _MILLIS


def _warm(view: View) -> float:
    return view.inside.state.is_warm


def _warm_brokers(view: View) -> Iterable[Sample]:
    leases = view.inside.state.liveness.leases
    unconfirmed = len(leases)
    return [
        (("unconfirmed",), unconfirmed),
        (("settled",), leases.granted - unconfirmed),
    ]


def _lost_lines(view: View) -> Iterable[Sample]:
    audit_log = view.inside.audit_log
    audit = 0 if audit_log is None else audit_log.lost_lines
    lost = {**lost_log_lines(), "audit": audit}
    return [((log,), number) for log, number in lost.items()]


def _suppressed(view: View) -> float:
    return view.inside.log.suppressed_lines


def _recorded_bytes(view: View) -> Iterable[Sample]:
    recorder = view.inside.recorder
    return [] if recorder is None else [((), recorder.size_bytes)]


def _lost_records(view: View) -> Iterable[Sample]:
    recorder = view.inside.recorder
    return [] if recorder is None else [((), recorder.lost_frames)]


METRICS: Final = (
    Metric(
        "snapshot_age_seconds",
        "gauge",
        (),
        "Seconds since the routes were saved; a file is written only after a change.",
        _snapshot_age,
    ),
    Metric(
        "snapshot_size_bytes",
        "gauge",
        (),
        "The size of the last snapshot.",
        _snapshot_size,
    ),
    Metric(
        "snapshots_total",
        "counter",
        ("result",),
        "Snapshots that were written, and those that could not be.",
        _snapshots,
    ),
    Metric(
        "snapshot_packing_seconds_total",
        "counter",
        (),
        "Time in which the event loop packed snapshots.",
        single(_packing),
    ),
    Metric(
        "snapshot_writing_seconds_total",
        "counter",
        (),
        "Time from the end of the packing until the file was there.",
        single(_writing),
    ),
    Metric(
        "warm_start",
        "gauge",
        (),
        "1 if the server began with the routes of its last run.",
        single(_warm),
    ),
    Metric(
        "warm_start_brokers",
        "gauge",
        ("state",),
        "Brokers of the last run: unconfirmed until they are heard from or gone, then"
        " settled.",
        _warm_brokers,
    ),
    Metric(
        "log_lines_dropped_total",
        "counter",
        ("log",),
        "Lines that were lost because their reader, terminal or disk was too slow.",
        _lost_lines,
    ),
    Metric(
        "log_lines_suppressed_total",
        "counter",
        (),
        "Lines left out because their event came too often.",
        single(_suppressed),
    ),
    Metric(
        "recorder_size_bytes",
        "gauge",
        (),
        "The size of all files of the recorder; without one there is no sample.",
        _recorded_bytes,
    ),
    Metric(
        "recorder_lost_total",
        "counter",
        (),
        "Events and parts of pictures that the recorder could not write.",
        _lost_records,
    ),
)

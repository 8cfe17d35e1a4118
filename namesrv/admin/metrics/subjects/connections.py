"""Metrics of connections, their bytes, and their turns of the loop."""

import re
from collections.abc import Iterable
from typing import Final

from namesrv.admin.metrics.catalogue import Metric, Sample, View, single

_WORD_START: Final = re.compile(r"(?<!^)(?=[A-Z])")
_PROTOCOLS: Final = ("remoting", "http")


def _active(view: View) -> Iterable[Sample]:
    found = view.readings.connections
    none = [
        ((protocol, "false", "open"), 0)
        for protocol in _PROTOCOLS
        if (protocol, "false", "open") not in found
    ]
    return [*none, *((tuple(kind), number) for kind, number in found.items())]


def _connections(view: View) -> Iterable[Sample]:
    counts, lanes = view.inside.connections.counts, view.inside.lanes
    in_lanes = 0 if lanes is None else lanes.counts.accepted
    return [
        (("opened",), counts.opened + in_lanes),
        (("refused",), counts.refused),
        (("cut_off",), counts.cut_off),
    ]


def _faults(view: View) -> Iterable[Sample]:
    faults = view.inside.connections.counts.faults
    return [((_snake(name),), number) for name, number in faults.items()]


def _snake(name: str) -> str:
    """FrameTooLong -> frame_too_long."""
    return _WORD_START.sub("_", name).lower()


def _received(view: View) -> Iterable[Sample]:
    hot, http = view.inside.state.hot, view.inside.connections.http_counts
    return [
        (("remoting",), hot.received_bytes),
        (("http",), http.received_bytes),
    ]


def _sent(view: View) -> Iterable[Sample]:
    hot, http = view.inside.state.hot, view.inside.connections.http_counts
    return [(("remoting",), hot.sent_bytes), (("http",), http.sent_bytes)]


def _kept_input(view: View) -> float:
    return view.inside.connections.input_budget.held_bytes


def _unsent(view: View) -> float:
    return view.inside.connections.output_budget.held_bytes


def _turns(view: View) -> float:
    return view.inside.connections.counts.turns


def _waits(view: View) -> float:
    return view.inside.connections.counts.waits


def _lasting(view: View) -> Iterable[Sample]:
    counts = view.inside.connections.http_counts.lasting
    return [(("stream",), counts.streams), (("wait",), counts.waits)]


def _refused(view: View) -> float:
    return view.inside.connections.http_counts.lasting.refused


def _cut_off(view: View) -> float:
    return view.inside.connections.http_counts.lasting.cut_off


def _events_sent(view: View) -> float:
    return view.inside.connections.http_counts.lasting.sent


METRICS: Final = (
    Metric(
        "active_connections",
        "gauge",
        ("protocol", "tls", "state"),
        "Connections of peers: open, waiting (for a turn or for other work), blocked"
        " (the peer does not read) or closing.",
        _active,
    ),
    Metric(
        "connection_events_total",
        "counter",
        ("event",),
        "Connections opened, refused (maxConnections) and cut_off (a budget or a limit"
        " was exceeded).",
        _connections,
    ),
    Metric(
        "connection_faults_total",
        "counter",
        ("fault",),
        "Connections closed because the peer broke the protocol, by the fault.",
        _faults,
    ),
    Metric(
        "received_bytes_total",
        "counter",
        ("protocol",),
        "Bytes received from peers, inside TLS.",
        _received,
    ),
    Metric(
        "sent_bytes_total",
        "counter",
        ("protocol",),
        "Bytes of answers to peers, inside TLS.",
        _sent,
    ),
    Metric(
        "lasting_answers",
        "gauge",
        ("kind",),
        "Answers of HTTP that take their time: open streams of events, and waits for"
        " routes.",
        _lasting,
    ),
    Metric(
        "lasting_answers_refused_total",
        "counter",
        (),
        "Streams and waits refused because of maxEventStreams or maxRouteWaits.",
        single(_refused),
    ),
    Metric(
        "event_streams_cut_off_total",
        "counter",
        (),
        "Streams closed because their reader did not read.",
        single(_cut_off),
    ),
    Metric(
        "stream_events_sent_total",
        "counter",
        (),
        "Events sent in streams, once for each stream.",
        single(_events_sent),
    ),
    Metric(
        "kept_input_bytes",
        "gauge",
        (),
        "Bytes of unfinished requests, which inputBudgetBytes limits.",
        single(_kept_input),
    ),
    Metric(
        "unsent_output_bytes",
        "gauge",
        (),
        "Bytes of answers that peers do not read, which outputBudgetBytes limits.",
        single(_unsent),
    ),
    Metric(
        "turns_total",
        "counter",
        (),
        "Turns of the event loop in which waiting work went on.",
        single(_turns),
    ),
    Metric(
        "turns_waited_total",
        "counter",
        (),
        "How often a connection waited for a turn.",
        single(_waits),
    ),
)

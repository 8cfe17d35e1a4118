"""Metrics of the comparison with other NameServers."""

from collections.abc import Iterable
from typing import Final

from namesrv.admin.metrics.catalogue import Metric, Sample, View, single
from namesrv.routing.history.peer_views import PeerState

_ANSWERS: Final = (PeerState.AGREES, PeerState.SETTLING, PeerState.DISAGREES)


def _up(view: View) -> Iterable[Sample]:
    views = view.inside.state.peer_views.views
    return [((one.address,), one.state in _ANSWERS) for one in views]


def _disagrees(view: View) -> Iterable[Sample]:
    views = view.inside.state.peer_views.views
    return [((one.address,), one.state == PeerState.DISAGREES) for one in views]


def _differences(view: View) -> Iterable[Sample]:
    views = view.inside.state.peer_views.views
    return [((one.address,), one.difference_count) for one in views]


def _orphaned(view: View) -> float:
    return view.inside.state.peer_views.orphan is not None


METRICS: Final = (
    Metric(
        "peer_up",
        "gauge",
        ("peer",),
        "1 for a peer (option peers) that answered when it was asked last, else 0.",
        _up,
    ),
    Metric(
        "peer_disagrees",
        "gauge",
        ("peer",),
        "1 for a peer with a difference that has lasted for 60 s, else 0.",
        _disagrees,
    ),
    Metric(
        "peer_differences",
        "gauge",
        ("peer",),
        "Differences to a peer that are known at the moment.",
        _differences,
    ),
    Metric(
        "orphaned",
        "gauge",
        (),
        "1 while clients ask this server and brokers register at its peers only.",
        single(_orphaned),
    ),
)

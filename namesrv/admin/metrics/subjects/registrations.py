"""Metrics of changes: registrations, ends of brokers, changes by operators."""

from collections.abc import Callable, Iterable
from typing import Final

from namesrv.admin.metrics.catalogue import Metric, Sample, View, single
from namesrv.codes import RequestCode, ResponseCode
from namesrv.routing.access.change_counts import Change

_REMOVALS: Final[dict[str, Change]] = {
    "request": "unregistered",
    "disconnect": "disconnected",
    "replaced": "replaced",
}
_EXPIRIES: Final[dict[str, Change]] = {"silence": "expired", "lease": "lease ended"}
_CHANGES: Final[dict[str, Change]] = {
    "topic_added": "topic added",
    "topic_changed": "topic changed",
    "topic_removed": "topic removed",
    "write_permission_added": "write permission added",
    "write_permission_wiped": "write permission wiped",
    "option_changed": "option changed",
}
_KEYS: Final[dict[str, Change]] = {"put": "key put", "deleted": "key deleted"}


def _changes(names: dict[str, Change]) -> Callable[[View], Iterable[Sample]]:
    """A reader of counted events, by their labels."""

    def read(view: View) -> Iterable[Sample]:
        counts = view.inside.state.change_counts.counts
        return [((label,), counts[change]) for label, change in names.items()]

    return read


def _registrations(view: View) -> Iterable[Sample]:
    state = view.inside.state
    changes, requests = state.change_counts.counts, state.request_counts
    refused = sum(
        number
        for (code, result), number in requests.answers.items()
        if code == RequestCode.REGISTER_BROKER and result != ResponseCode.SUCCESS
    )
    refused += requests.rejected_registrations
    unchanged = state.hot.unchanged_registrations + requests.unchanged_registrations
    return [
        (("new",), changes["registered"]),
        (("changed",), changes["changed"]),
        (("unchanged",), unchanged),
        (("refused",), refused),
    ]


def _epoch(view: View) -> float:
    return view.inside.state.tables.broker_live_table.epoch


def _leftovers(view: View) -> float:
    return view.inside.state.change_counts.counts["leftover removed"]


METRICS: Final = (
    Metric(
        "registration_events_total",
        "counter",
        ("result",),
        "Registrations of brokers that were not live (new), that changed something,"
        " that changed nothing, and refused ones. A refused one that changed something"
        " before counts as changed, too.",
        _registrations,
    ),
    Metric(
        "unregistration_events_total",
        "counter",
        ("cause",),
        "Live brokers that were removed: by their request, because their connection"
        " ended (disconnect), or because another one has their id (replaced).",
        _changes(_REMOVALS),
    ),
    Metric(
        "expiry_events_total",
        "counter",
        ("cause",),
        "Live brokers that were removed because they were silent, or because they did"
        " not come back within their lease after a warm start.",
        _changes(_EXPIRIES),
    ),
    Metric(
        "leftovers_removed_total",
        "counter",
        (),
        "Names, addresses and groups that no live broker registered any more, removed.",
        single(_leftovers),
    ),
    Metric(
        "operator_events_total",
        "counter",
        ("change",),
        "Changes of topics, permissions and options by operators.",
        _changes(_CHANGES),
    ),
    Metric(
        "kv_events_total",
        "counter",
        ("change",),
        "Keys of the KV table that were put or deleted.",
        _changes(_KEYS),
    ),
    Metric(
        "registration_epoch",
        "gauge",
        (),
        "The number of the last registration; each one has the next.",
        single(_epoch),
    ),
)

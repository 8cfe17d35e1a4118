"""Metrics of requests: by code and result, how long they took, and lookups.

The hot path counts its own answers, the processor the others; both are added here.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from namesrv.admin.metrics.catalogue import Histogram, Metric, Sample, View
from namesrv.codes import RequestCode, ResponseCode
from namesrv.routing.access.request_counts import BUCKETS_MICROS

_BOUNDS: Final = tuple(micros / 1_000_000 for micros in BUCKETS_MICROS)
_REQUESTS: Final = {int(code): code.name.lower() for code in RequestCode}
_RESULTS: Final = {int(code): code.name.lower() for code in ResponseCode}
_OTHER: Final = "other"
_LOOKUP: Final = int(RequestCode.GET_ROUTEINFO_BY_TOPIC)
_SUCCESS: Final = int(ResponseCode.SUCCESS)
_UNKNOWN: Final = int(ResponseCode.TOPIC_NOT_EXIST)


def _requests(view: View) -> Iterable[Sample]:
    counts: Counter[tuple[int, int]] = Counter(view.inside.state.request_counts.answers)
    hot, answers = view.inside.state.hot, view.inside.state.tables.route_answers
    counts[_LOOKUP, _SUCCESS] += answers.hits
    counts[_LOOKUP, _UNKNOWN] += answers.unknown
    counts[RequestCode.BROKER_HEARTBEAT, _SUCCESS] += hot.heartbeats
    counts[RequestCode.QUERY_DATA_VERSION, _SUCCESS] += hot.version_queries
    counts[RequestCode.REGISTER_BROKER, _SUCCESS] += hot.unchanged_registrations
    names: Counter[tuple[str, str]] = Counter()
    for (code, result), number in counts.items():
        request = _REQUESTS.get(code, _OTHER)
        names[request, _RESULTS.get(result, _OTHER)] += number
    return list(names.items())


def _durations(view: View) -> Iterable[Sample]:
    return [
        (
            (_REQUESTS.get(code, _OTHER),),
            Histogram(_BOUNDS, durations.counts, durations.total_micros / 1_000_000),
        )
        for code, durations in view.inside.state.request_counts.durations.items()
    ]


def _lookups(view: View) -> Iterable[Sample]:
    answers = view.inside.state.tables.route_answers
    cold = Counter(
        {
            result: number
            for (
                code,
                result,
            ), number in view.inside.state.request_counts.answers.items()
            if code == _LOOKUP
        }
    )
    unknown = answers.unknown + cold[_UNKNOWN]
    refused = cold.total() - cold[_SUCCESS] - cold[_UNKNOWN]
    return [
        (("hit",), answers.hits),
        (("made",), cold[_SUCCESS]),
        (("unknown",), unknown),
        (("refused",), refused),
    ]


def _http(view: View) -> Iterable[Sample]:
    answers = view.inside.connections.http_counts.answers
    return [((str(status),), number) for status, number in answers.items()]


METRICS: Final = (
    Metric(
        "requests_total",
        "counter",
        ("request", "result"),
        "Requests by the names of their code and of the code of the answer; those that"
        " came as HTTP and changed something, too.",
        _requests,
    ),
    Metric(
        "request_duration_seconds",
        "histogram",
        ("request",),
        "Time until the answer, from the turn of the loop in which the work began."
        " Requests that the hot path answered are not in it.",
        _durations,
    ),
    Metric(
        "route_request_total",
        "counter",
        ("result",),
        "Lookups of routes: answered from ready bytes (hit), written anew or in steps"
        " (made), for a topic without a route (unknown), or refused.",
        _lookups,
    ),
    Metric(
        "http_requests_total",
        "counter",
        ("status",),
        "HTTP requests by the status of the answer.",
        _http,
    ),
)

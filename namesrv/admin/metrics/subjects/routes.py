"""Metrics of brokers, topics and ready answers."""

from collections.abc import Iterable
from typing import Final

from namesrv.admin.metrics.catalogue import Metric, Sample, View, single

_RECENT_MILLIS: Final = 600_000


def _brokers(view: View) -> Iterable[Sample]:
    brokers = view.readings.brokers
    return [((cluster,), number) for cluster, number in brokers.items()]


def _topics(view: View) -> float:
    return len(view.inside.state.tables.topic_queue_table)


def _topics_of_clusters(view: View) -> Iterable[Sample]:
    topics = view.readings.topics
    return [((cluster,), number) for cluster, number in topics.items()]


def _groups(view: View) -> float:
    return len(view.inside.state.tables.broker_addr_table)


def _routes(view: View) -> float:
    return view.inside.state.tables.routes


def _missing(view: View) -> float:
    return view.inside.state.missing.asked_since(view.now_ms - _RECENT_MILLIS)


def _heard(view: View) -> Iterable[Sample]:
    for heard in view.readings.heard:
        ago_millis = max(view.now_ms - heard.heard_ms, 0)
        yield (heard.cluster, heard.broker, heard.address), ago_millis / 1000


def _longest_silence(view: View) -> float:
    longest_ago_ms = view.readings.longest_ago_ms
    if longest_ago_ms is None:
        return 0
    return max(view.now_ms - longest_ago_ms, 0) / 1000


def _kept_answers(view: View) -> float:
    return view.inside.state.tables.route_answers.kept_topics


def _answer_bytes(view: View) -> float:
    return view.inside.state.tables.route_answers.kept_bytes


def _most_answer_bytes(view: View) -> float:
    return view.inside.options.answer_cache_bytes


METRICS: Final = (
    Metric(
        "active_brokers",
        "gauge",
        ("cluster",),
        "Live brokers by cluster.",
        _brokers,
    ),
    Metric(
        "broker_groups",
        "gauge",
        (),
        "Names of brokers that have a route.",
        single(_groups),
    ),
    Metric("topics", "gauge", (), "Topics with a route.", single(_topics)),
    Metric(
        "missing_topics",
        "gauge",
        (),
        "Topics without a route that clients asked for in the last ten minutes, at most"
        " 1,024 (GET /v1/missing).",
        single(_missing),
    ),
    Metric(
        "cluster_topics",
        "gauge",
        ("cluster",),
        "Topics with a broker of the cluster.",
        _topics_of_clusters,
    ),
    Metric(
        "routes",
        "gauge",
        (),
        "Topics, counted once for each broker group that has them, and mappings of"
        " static topics: the number that maxRoutes limits.",
        single(_routes),
    ),
    Metric(
        "broker_last_heard_seconds",
        "gauge",
        ("cluster", "broker", "address"),
        "Seconds since a broker was heard from, for at most 1,000 brokers"
        " (metricsPerBroker).",
        _heard,
    ),
    Metric(
        "broker_longest_silence_seconds",
        "gauge",
        (),
        "Seconds since the broker was heard from that has been silent for longest.",
        single(_longest_silence),
    ),
    Metric(
        "route_cache_topics",
        "gauge",
        (),
        "Topics with a ready answer. Its hits are route_request_total, result hit.",
        single(_kept_answers),
    ),
    Metric(
        "route_cache_limit_bytes",
        "gauge",
        (),
        "The limit of bytes of ready answers (answerCacheBytes).",
        single(_most_answer_bytes),
    ),
    Metric(
        "route_cache_bytes",
        "gauge",
        (),
        "Bytes of ready answers, equal ones counted once.",
        single(_answer_bytes),
    ),
)

"""Metrics as families of the client library, and as text.

Only this module imports the client library, so that it is loaded at the first scrape.
"""

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from namesrv.admin.metrics.catalogue import Histogram, Metric, View
from namesrv.admin.metrics.table import METRICS
from namesrv.work import Steps

_SAMPLES_AT_ONCE: Final = 25
"""Samples that are written in one step: OpenMetrics takes about 35 us for each."""
_UNITS_PER_SAMPLE: Final = 25
_END: Final = b"# EOF\n"


class NamesrvCollector(Collector):
    """Reads every metric of a server at one moment."""

    def __init__(self, view: View, metrics: Iterable[Metric] = METRICS) -> None:
        self._view = view
        self._metrics = metrics

    def collect(self) -> Iterator[Family]:
        """One family after the other; each is read when it is taken."""
        for metric in self._metrics:
            yield family_of(metric, self._view)


class _Part(Collector):
    """A few samples of one family."""

    def __init__(self, family: Family, first: int) -> None:
        part = Family(family.name, family.documentation, family.type, family.unit)
        part.samples = family.samples[first : first + _SAMPLES_AT_ONCE]
        self._part = part

    def collect(self) -> Iterator[Family]:
        yield self._part


def write(view: View, accepted: str) -> Steps[tuple[str, bytes]]:
    """The content type that `accepted`, an Accept header, prefers, and the text."""
    encode, content_type = choose_encoder(accepted)
    registry = CollectorRegistry()
    registry.register(NamesrvCollector(view))
    parts: list[bytes] = []
    is_openmetrics = False
    for family in registry.collect():
        for first in range(0, len(family.samples) or 1, _SAMPLES_AT_ONCE):
            part = encode(_Part(family, first))
            is_openmetrics = part.endswith(_END)
            part = part.removesuffix(_END)
            parts.append(_without_comments(part) if first else part)
            yield _UNITS_PER_SAMPLE * min(len(family.samples), _SAMPLES_AT_ONCE)
    if is_openmetrics:
        parts.append(_END)
    return content_type, b"".join(parts)


def family_of(metric: Metric, view: View) -> Family:
    """A metric with its samples."""
    name, meaning, labels = metric.name, metric.meaning, metric.labels
    samples = metric.read(view)
    if metric.kind == "histogram":
        histograms = HistogramMetricFamily(name, meaning, labels=labels)
        for values, histogram in samples:
            assert isinstance(histogram, Histogram)
            histograms.add_metric(values, _buckets(histogram), histogram.total)
        return histograms
    if metric.kind == "info":
        info = InfoMetricFamily(name.removesuffix("_info"), meaning)
        for values, _ in samples:
            info.add_metric((), dict(zip(labels, values, strict=True)))
        return info
    family = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    numbers = family(name, meaning, labels=labels)
    for values, number in samples:
        assert not isinstance(number, Histogram)
        numbers.add_metric(values, number)
    return numbers


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Upper bounds and the numbers up to them, as the library takes them."""
    bounds = [*map(str, histogram.bounds), "+Inf"]
    return [*zip(bounds, accumulate(histogram.counts), strict=True)]


def _without_comments(part: bytes) -> bytes:
    """A later part of a family, without its name, type and unit."""
    while part.startswith(b"# "):
        part = part.partition(b"\n")[2]
    return part

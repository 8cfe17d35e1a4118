"""Metrics as families of the client library, and as text.

Only this module imports the client library, so that it is loaded at the first scrape.
The library writes a few samples at a time, so that no step is long.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice
from typing import Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from namesrv.admin.metrics.catalogue import Histogram, Metric, Sample, View
from namesrv.admin.metrics.table import METRICS
from namesrv.work import Steps

_SAMPLES_AT_ONCE: Final = 25
"""Samples that are written in one step; a histogram has as many lines."""
_UNITS_PER_SAMPLE: Final = 25
_END: Final = b"# EOF\n"


class SomeSamples(Collector):
    """Some samples of one metric."""

    def __init__(self, metric: Metric, samples: Sequence[Sample]) -> None:
        self._metric = metric
        self._samples = samples

    def collect(self) -> Iterator[Family]:
        """The metric, with these samples."""
        yield _family_of(self._metric, self._samples)


def write(view: View, accepted: str) -> Steps[tuple[str, bytes]]:
    """The content type that `accepted`, an Accept header, prefers, and the text."""
    encode, content_type = choose_encoder(accepted)
    written: list[bytes] = []
    end = b""
    for metric in METRICS:
        for place, samples in enumerate(_parts(metric, view)):
            text = encode(SomeSamples(metric, samples))
            if text.endswith(_END):
                end, text = _END, text.removesuffix(_END)
            written.append(_without_comments(text) if place else text)
            yield _UNITS_PER_SAMPLE * len(samples)
    return content_type, b"".join([*written, end])


def _parts(metric: Metric, view: View) -> Iterator[list[Sample]]:
    """The samples, some at a time; at least one part, which may be empty."""
    samples = iter(metric.read(view))
    most = 1 if metric.kind == "histogram" else _SAMPLES_AT_ONCE
    yield list(islice(samples, most))
    while part := list(islice(samples, most)):
        yield part


def _family_of(metric: Metric, samples: Iterable[Sample]) -> Family:
    name, meaning, labels = metric.name, metric.meaning, metric.labels
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


def _without_comments(text: bytes) -> bytes:
    """A later part of a metric, without its name, type and unit."""
    while text.startswith(b"# "):
        text = text.partition(b"\n")[2]
    return text

"""Metrics of the process, under the names that all programs use."""

import contextlib
import os
import resource
import time
from collections.abc import Callable, Iterable
from typing import Final

from namesrv.admin.metrics.catalogue import Metric, Sample, View

_FILES: Final = "/proc/self/fd"
_MEMORY: Final = "/proc/self/statm"


def _where_known(read: Callable[[], float]) -> Callable[[View], Iterable[Sample]]:
    """A reader of one value, with no sample where the system does not have it."""

    def samples(view: View) -> Iterable[Sample]:
        with contextlib.suppress(OSError, ValueError, IndexError):
            return [((), read())]
        return []

    return samples


def resident_bytes() -> float:
    """Bytes of memory that the process has in RAM. Raises OSError without /proc."""
    return _pages(1)


def _virtual_bytes() -> float:
    return _pages(0)


def _pages(place: int) -> float:
    with open(_MEMORY, "rb") as file:
        return int(file.read().split()[place]) * resource.getpagesize()


def open_files() -> float:
    """Descriptors in use. Newer kernels have their number as the size of the folder; a
    list of ten thousand of them would take milliseconds."""
    return os.stat(_FILES).st_size or len(os.listdir(_FILES))


def _most_files() -> float:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return float("inf") if soft == resource.RLIM_INFINITY else soft


METRICS: Final = (
    Metric(
        "process_cpu_seconds_total",
        "counter",
        (),
        "CPU time of the process, all threads together.",
        _where_known(time.process_time),
    ),
    Metric(
        "process_resident_memory_bytes",
        "gauge",
        (),
        "Memory of the process in RAM.",
        _where_known(resident_bytes),
    ),
    Metric(
        "process_virtual_memory_bytes",
        "gauge",
        (),
        "Address space of the process.",
        _where_known(_virtual_bytes),
    ),
    Metric(
        "process_open_fds",
        "gauge",
        (),
        "Open file descriptors.",
        _where_known(open_files),
    ),
    Metric(
        "process_max_fds",
        "gauge",
        (),
        "The limit of open file descriptors.",
        _where_known(_most_files),
    ),
)

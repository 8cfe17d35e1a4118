"""Where the benchmarks keep their things, and how commands are written down."""

import os
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[1]
CHECKOUT = BENCH.parent
CACHE = CHECKOUT / ".cache" / "bench"
RESULTS = BENCH / "results"
UNSAVED = CACHE / "results"
"""Where results go that nobody asked to publish; git does not see them."""
QUICK = CACHE / "quick-results"
LOAD_SOURCES = BENCH / "load"

# Read before the driver pins itself to one of them.
_USABLE_CORES = sorted(os.sched_getaffinity(0))


def cores() -> tuple[int, int]:
    """The core of the servers and the core of everything that drives them."""
    return _USABLE_CORES[0], _USABLE_CORES[-1]


def results_folder(*, quick: bool, save: bool) -> Path:
    """Where a run writes; only `--save` of a whole run changes what git tracks."""
    return QUICK if quick else RESULTS if save else UNSAVED


def as_written(text: str) -> str:
    """A text without the places of this machine, for the results."""
    for path, name in (
        (sys.executable, "python"),
        (str(CACHE), "$CACHE"),
        (f"{CHECKOUT}/", ""),
        (str(CHECKOUT), "."),
    ):
        text = text.replace(path, name)
    return text

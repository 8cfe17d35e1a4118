"""One target under atheris, in a process of its own: TARGET, then libFuzzer's options.

Only namesrv's Python is instrumented: the pure twin and everything above it. The
compiled twin is held against it, input by input.
"""

import resource
import sys
from importlib import import_module
from random import Random
from time import process_time
from typing import Final

import atheris

MOST_SECONDS: Final = 1.0
MOST_GROWTH_KIB: Final = 1 << 16
_PLAIN_SHARE: Final = 0.25


class SlowInput(Exception):
    """One input took too much processor time."""


class MemoryGrew(Exception):
    """One input took too much memory."""


def main() -> None:
    name, *arguments = sys.argv[1:]
    with atheris.instrument_imports(include=["namesrv"]):
        target = import_module("tests.fuzz.targets").TARGETS[name]
        # Some modules are imported anew over each twin when an input first needs them.
        target.run(next(iter(target.seeds())))

    def run(data: bytes) -> None:
        seconds, size = process_time(), peak_kib()
        target.run(data)
        seconds, growth = process_time() - seconds, peak_kib() - size
        if seconds > MOST_SECONDS:
            raise SlowInput(f"{seconds:.2f} s for {len(data)} bytes")
        if growth > MOST_GROWTH_KIB:
            raise MemoryGrew(f"{growth} KiB for {len(data)} bytes")

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        def change(part: bytes) -> bytes:
            return bytes(atheris.Mutate(part, max(len(part) + 64, 64)))

        random = Random(seed)
        if target.mutate is None or random.random() < _PLAIN_SHARE:
            return bytes(atheris.Mutate(data, max_size))
        return bytes(target.mutate(random, data, change))[:max_size]

    atheris.Setup([sys.argv[0], *arguments], run, custom_mutator=mutate)
    atheris.Fuzz()


def peak_kib() -> int:
    """The most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()

"""Does a million of something keep memory? Used by the scripts beside this file.

Each of them can be run by itself: python -m tests.parity.leaks.lookups
"""

import gc
import resource
import sys
from collections.abc import Callable
from typing import Any

from namesrv._impl import IMPLEMENTATION
from namesrv.testing.peer import request

MILLION = 1_000_000
FEWER = 300_000
# A leak of the smallest block that malloc gives would be sixteen times a million.
MOST_MORE_BYTES = 6 << 20
MOST_MORE_BLOCKS = 2_000


def peak_bytes() -> int:
    """The most memory that this process ever had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def keep_nothing(
    what: str,
    step: Callable[[], object],
    requests_a_step: int,
    watched: dict[str, Any],
    times: int = MILLION,
) -> None:
    """Take `times` requests by `step`; exit with a sentence if something was kept.

    The reference counts of the `watched` objects must be what they were.
    """
    steps = times // requests_a_step
    for _ in range(max(steps // 10, 2)):
        step()
    gc.collect()
    counts = {name: sys.getrefcount(thing) for name, thing in watched.items()}
    none, blocks, peak = sys.getrefcount(None), sys.getallocatedblocks(), peak_bytes()
    for _ in range(steps):
        step()
    more_bytes = peak_bytes() - peak
    gc.collect()
    more_none = sys.getrefcount(None) - none
    more_blocks = sys.getallocatedblocks() - blocks
    again = {name: sys.getrefcount(thing) for name, thing in watched.items()}
    said = f"{what} ({IMPLEMENTATION}): {steps * requests_a_step:,} times, "
    said += f"{more_bytes:,} bytes and {more_blocks:,} blocks more"
    print(said)
    changed = [
        f"{n} from {counts[n]} to {again[n]}" for n in again if again[n] != counts[n]
    ]
    if changed:
        sys.exit(f"{what}: reference counts went {', '.join(changed)}")
    if abs(more_none) > 100:
        sys.exit(f"{what}: None has {more_none} references more")
    if more_bytes > MOST_MORE_BYTES or more_blocks > MOST_MORE_BLOCKS:
        sys.exit(f"{what} kept memory: {said}")


def some(count: int, *arguments: Any, **more: Any) -> bytes:
    """A read that holds `count` equal requests."""
    return request(*arguments, **more) * count

"""The clocks that the server hands down as numbers."""

import time

# Unlike the monotonic clock it goes on while the machine is suspended, so that a
# suspension is seen as the stall that it is.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


def monotonic_millis() -> int:
    """Milliseconds that only go forward; their zero means nothing."""
    if _CLOCK is None:
        return time.monotonic_ns() // 1_000_000
    return time.clock_gettime_ns(_CLOCK) // 1_000_000


def wall_millis() -> int:
    """Milliseconds since 1970, for senders that left their own date out."""
    return time.time_ns() // 1_000_000


def cpu_millis() -> int:
    """Milliseconds of CPU time that this process has used, all threads together."""
    return time.process_time_ns() // 1_000_000

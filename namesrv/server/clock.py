"""The clocks of the machine, as objects for code that decides by time."""

import time
from collections.abc import Callable
from typing import Protocol, TypeAlias

# Unlike the monotonic clock it goes on while the machine is suspended, so that a
# suspension is seen as the stall that it is.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


class Clock(Protocol):
    """The three clocks, in milliseconds. A simulated machine has its own."""

    def monotonic_millis(self) -> int:
        """Milliseconds that only go forward; their zero means nothing."""

    def wall_millis(self) -> int:
        """The date: milliseconds since 1970."""

    def cpu_millis(self) -> int:
        """CPU time that this process has used."""


class Timer(Protocol):
    """A call that is still to come."""

    def cancel(self) -> None:
        """Do not make it."""


CallSoon: TypeAlias = Callable[[Callable[[], None]], object]
"""Has a function called in the next turn of the loop."""
CallLater: TypeAlias = Callable[[float, Callable[[], None]], Timer]
"""Has a function called after so many seconds."""


def monotonic_millis() -> int:
    """Milliseconds that only go forward; their zero means nothing."""
    if _CLOCK is None:
        return time.monotonic_ns() // 1_000_000
    return time.clock_gettime_ns(_CLOCK) // 1_000_000


def wall_millis() -> int:
    """Milliseconds since 1970, for senders that omit their own date."""
    return time.time_ns() // 1_000_000


def cpu_millis() -> int:
    """Milliseconds of CPU time that this process has used, all threads together."""
    return time.process_time_ns() // 1_000_000


class MachineClock:
    """The clocks of this machine."""

    monotonic_millis = staticmethod(monotonic_millis)
    wall_millis = staticmethod(wall_millis)
    cpu_millis = staticmethod(cpu_millis)

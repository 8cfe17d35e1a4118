"""How long a snapshot is packed before other work has its turn."""

from typing import Final, Protocol

from namesrv.server.clock import Clock

_STEP_MILLIS: Final = 3
_PAUSE_SECONDS: Final = 0.004
_PAUSES: Final = 3
"""A pause is so many times as long as its step, because a storm of registrations needs
the loop."""


class Pace(Protocol):
    """Divides packing into steps."""

    def begin(self) -> None:
        """A step begins."""

    def is_over(self) -> bool:
        """Whether the step ends here; asked after each group."""

    def pause_seconds(self) -> float:
        """The pause after the step that has just ended."""


class LoopPace:
    """Steps of 3 ms, and pauses in which the loop does everything else."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_ms = 0

    def begin(self) -> None:
        """A step begins."""
        self._began_ms = self._clock.monotonic_millis()

    def is_over(self) -> bool:
        """Whether the step has taken its time."""
        return self._took_millis() >= _STEP_MILLIS

    def pause_seconds(self) -> float:
        """At least 4 ms."""
        return max(_PAUSE_SECONDS, _PAUSES * self._took_millis() / 1000)

    def _took_millis(self) -> int:
        return self._clock.monotonic_millis() - self._began_ms

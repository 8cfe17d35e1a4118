"""The clocks of a simulated machine."""

from typing import Final

_FIRST_DATE_MILLIS: Final = 1_700_000_000_000


class VirtualClock:
    """Stands where it was put: `now_ms` and the CPU time are moved by the world, the
    date may jump."""

    def __init__(self) -> None:
        self.now_ms = 0
        self._cpu_ms = 0
        self._wall_offset_millis = _FIRST_DATE_MILLIS

    def monotonic_millis(self) -> int:
        """What the simulated server takes for its monotonic time."""
        return self.now_ms

    def cpu_millis(self) -> int:
        """The CPU time of the server's process; only long work takes any."""
        return self._cpu_ms

    def work(self, millis: int) -> None:
        """The server's process was on the processor for so long."""
        self._cpu_ms += millis

    def wall_millis(self) -> int:
        """The date, in milliseconds since 1970."""
        return self.now_ms + self._wall_offset_millis

    def jump(self, millis: int) -> None:
        """Somebody sets the date; monotonic time does not care."""
        self._wall_offset_millis += millis

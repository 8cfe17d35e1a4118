"""The clocks of a simulated machine."""

from typing import Final

_FIRST_DATE_MILLIS: Final = 1_700_000_000_000


class VirtualClock:
    """A clock that the simulation moves: `now_ms`, the CPU time, and the date."""

    def __init__(self) -> None:
        self.now_ms = 0
        self._cpu_ms = 0
        self._wall_offset_millis = _FIRST_DATE_MILLIS

    def monotonic_millis(self) -> int:
        """The monotonic time of the simulated server, in milliseconds."""
        return self.now_ms

    def cpu_millis(self) -> int:
        """The CPU time of the server's process; only long work adds to it."""
        return self._cpu_ms

    def work(self, millis: int) -> None:
        """Add CPU time of the server's process."""
        self._cpu_ms += millis

    def wall_millis(self) -> int:
        """The date, in milliseconds since 1970."""
        return self.now_ms + self._wall_offset_millis

    def jump(self, millis: int) -> None:
        """Set the date; monotonic time is not affected."""
        self._wall_offset_millis += millis

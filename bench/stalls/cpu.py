"""CPU time of a process, as the kernel counts it, and whether it has anything to do."""

import time
from pathlib import Path

_QUIET_SHARE = 0.25
"""A thread that sleeps for at least this share of the time has little to do. One with
work never sleeps, however long it waits for a processor."""


class Cpu:
    """CPU time of a process, all threads, in seconds."""

    def __init__(self, pid: int) -> None:
        self._tasks = Path(f"/proc/{pid}/task")

    def seconds(self) -> float:
        """So far; nanoseconds of the scheduler, not ticks."""
        return sum(used for used, _ in self._threads().values())

    def is_quiet(self, seconds: float) -> bool:
        """Watch for so long: whether every thread has slept for a share of that time.

        Other processes take the machine, too. A thread that waits for a processor has
        work, though it uses no CPU time.
        """
        before, began = self._threads(), time.monotonic()
        time.sleep(seconds)
        after, passed = self._threads(), time.monotonic() - began
        awake = [sum(after[name]) - sum(before.get(name, (0.0, 0.0))) for name in after]
        return all(passed - one >= _QUIET_SHARE * passed for one in awake)

    def _threads(self) -> dict[str, tuple[float, float]]:
        """Seconds on a processor and seconds of waiting for one, thread by thread."""
        found: dict[str, tuple[float, float]] = {}
        for task in self._tasks.iterdir():
            try:
                used, waited, _ = (task / "schedstat").read_text().split()
            except OSError:
                continue  # a thread that has just ended
            found[task.name] = int(used) / 1e9, int(waited) / 1e9
        return found

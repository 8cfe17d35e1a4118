"""CPU time of a process, as the kernel counts it."""

from pathlib import Path


class Cpu:
    """CPU time of a process, all threads, in seconds."""

    def __init__(self, pid: int) -> None:
        self._tasks = Path(f"/proc/{pid}/task")

    def seconds(self) -> float:
        """So far; nanoseconds of the scheduler, not ticks."""
        total = 0
        for task in self._tasks.iterdir():
            try:
                total += int((task / "schedstat").read_text().split()[0])
            except OSError:
                continue  # a thread that has just ended
        return total / 1e9

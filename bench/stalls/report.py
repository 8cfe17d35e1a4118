"""The table of all rows, and which of them miss the goal."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.stalls.catalogue import Row
from bench.stalls.measure import Outcome, goal_cpu_millis, goal_wait_millis


@dataclass(frozen=True)
class Judged:
    """Medians of the sendings of a row, beside its goals."""

    row: Row
    outcomes: Sequence[Outcome]

    @property
    def sent_bytes(self) -> int:
        """Bytes of one sending."""
        return self.outcomes[0].sent_bytes

    @property
    def answered_bytes(self) -> float:
        """Bytes answered."""
        return median(outcome.answered_bytes for outcome in self.outcomes)

    @property
    def cpu_millis(self) -> float:
        """CPU of the server."""
        return median(outcome.cpu_millis for outcome in self.outcomes)

    @property
    def wait_millis(self) -> float:
        """The longest wait of a lookup on another connection."""
        return median(outcome.wait_millis for outcome in self.outcomes)

    @property
    def ready_p99_millis(self) -> float | None:
        """99% of the lookups of a ready topic waited for less; None if unknown."""
        found = [outcome.ready_p99_millis for outcome in self.outcomes]
        known = [millis for millis in found if millis is not None]
        return median(known) if known else None

    @property
    def misses(self) -> list[str]:
        """Which goals are missed."""
        wait = goal_wait_millis(self.sent_bytes, self.row.is_frame)
        cpu = goal_cpu_millis(self.sent_bytes, int(self.answered_bytes))
        missed = []
        if self.wait_millis > wait:
            missed.append(f"wait, goal {wait:.0f} ms")
        if self.cpu_millis > max(cpu, 1.0):
            missed.append(f"CPU, goal {cpu:.0f} ms")
        return missed

    def as_dict(self) -> dict[str, Any]:
        """For the results file."""
        return {
            "about": self.row.about,
            "is_frame": self.row.is_frame,
            "misses": self.misses,
            "outcomes": [outcome.as_dict() for outcome in self.outcomes],
        }


def line(judged: Judged) -> str:
    """One row of the Markdown table."""
    missed = "; ".join(judged.misses) or "met"
    ready = judged.ready_p99_millis
    return (
        f"| {judged.row.name} | {judged.row.about} | {judged.sent_bytes / 1024:,.0f}"
        f" | {judged.answered_bytes / 1024:,.0f} | {judged.cpu_millis:,.1f}"
        f" | {judged.wait_millis:,.1f} | {'–' if ready is None else f'{ready:,.2f}'}"
        f" | {missed} |"
    )


HEAD = (
    "| row | about | sent, KiB | answered, KiB | CPU, ms | longest wait, ms"
    " | ready topic, p99 ms | goal |\n"
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |"
)

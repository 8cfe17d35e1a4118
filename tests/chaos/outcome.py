"""What a fault did, and the table of all of them."""

from collections.abc import Sequence
from typing import NamedTuple

_HEAD = (
    "fault",
    "what happened",
    "brokers lost",
    "lookups",
    "failed",
    "time to recover",
)
_WIDEST = 72


class Outcome(NamedTuple):
    """One fault. `recovered_after` is in seconds, from the end of the fault to the
    first right answer; `failure` is why it did not pass, empty if it did."""

    fault: str
    what_happened: str = ""
    lost: int = 0
    lookups: int = 0
    failed: int = 0
    recovered_after: float | None = None
    failure: str = ""

    @property
    def has_passed(self) -> bool:
        """Whether everything was as it must be."""
        return not (self.failure or self.lost or self.failed)

    @property
    def cells(self) -> list[str]:
        """Its row."""
        seconds = self.recovered_after
        return [
            self.fault,
            self.what_happened if self.has_passed else f"FAILED: {self.failure}",
            str(self.lost),
            f"{self.lookups:,}",
            str(self.failed),
            "at once" if seconds is None else f"{seconds:.2f} s",
        ]


def text_table(outcomes: Sequence[Outcome]) -> str:
    """For a terminal; the long column is broken."""
    rows = [list(_HEAD)]
    for outcome in outcomes:
        cells = outcome.cells
        first, *more = _broken(cells[1])
        rows.append([cells[0], first, *cells[2:]])
        rows += [["", line, "", "", "", ""] for line in more]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(padded).rstrip())
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def markdown_table(outcomes: Sequence[Outcome]) -> str:
    """The same for a file."""
    rows = [_HEAD, ["---"] * len(_HEAD), *(outcome.cells for outcome in outcomes)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _broken(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > _WIDEST:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines

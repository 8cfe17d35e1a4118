"""Tables in Markdown, and numbers as people read them."""

from collections.abc import Sequence

NOTHING = "–"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the first column is text, the others are numbers."""
    marks = [" --- ", *[" ---: "] * (len(titles) - 1)]
    lines = [" | ".join(titles), "|".join(marks), *(" | ".join(row) for row in rows)]
    return "".join(f"| {line.strip()} |\n" for line in lines)


def count(number: float | None) -> str:
    """A number of things."""
    return NOTHING if number is None else f"{number:,.0f}"


def ratio(number: float | None) -> str:
    """How many times."""
    return NOTHING if number is None else f"{number:.2f} x"


def millis(micros: float | None) -> str:
    """Microseconds as milliseconds."""
    return NOTHING if micros is None else f"{micros / 1000:,.2f} ms"


def mebibytes(kibibytes: float | None) -> str:
    """Memory."""
    return NOTHING if kibibytes is None else f"{kibibytes / 1024:,.1f} MB"


def kibibytes(number: float | None) -> str:
    """Memory of something small."""
    return NOTHING if number is None else f"{number:,.1f} KB"


def nanos(seconds: float) -> str:
    """A short time."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:,.2f} {unit}"
    return f"{seconds * 1e9:,.0f} ns"

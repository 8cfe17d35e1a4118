"""Tables and facts as text: aligned, and cut only where a terminal is too narrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from namesrv.cli.printing import shown

_GAP: Final = "  "
_NARROWEST: Final = 8
_CUT: Final = "…"


class Table:
    """Columns with headings, and rows of texts and numbers. Numbers align right."""

    __slots__ = ("headings", "rows")

    def __init__(
        self, headings: Sequence[str], rows: Sequence[Sequence[str | int]]
    ) -> None:
        self.headings = headings
        self.rows = rows

    def lines(self, width: int | None = None) -> Iterator[str]:
        """The lines; none without rows. `width` is the number of columns to fit in."""
        if not self.rows:
            return
        numeric = [_is_numeric(column) for column in self._columns]
        if len(self.headings) == 1 and not numeric[0]:
            yield from self._single(width)
            return
        texts = [[shown(str(cell)) for cell in row] for row in self.rows]
        texts.insert(0, list(self.headings))
        widths = [max(map(columns_of, column)) for column in zip(*texts, strict=True)]
        if width is not None:
            _narrow(widths, width)
        for row in texts:
            cells = [
                _padded(cell, size, to_right=right)
                for cell, size, right in zip(row, widths, numeric, strict=True)
            ]
            yield _GAP.join(cells).rstrip()

    @property
    def _columns(self) -> Iterator[Sequence[str | int]]:
        return zip(*self.rows, strict=True)

    def _single(self, width: int | None) -> Iterator[str]:
        """A list needs no heading and no alignment, however long it is."""
        for (cell,) in self.rows:
            text = shown(str(cell))
            yield text if width is None else _cut(text, width)


class Facts:
    """Names with their values, one on each line."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: Sequence[tuple[str, str | int]]) -> None:
        self.pairs = pairs

    def lines(self, width: int | None = None) -> Iterator[str]:
        """The lines. Values are never cut."""
        size = max((len(name) for name, _ in self.pairs), default=0) + 1
        for name, value in self.pairs:
            yield f"{name + ':':{size}}{_GAP}{shown(str(value))}".rstrip()


class Value:
    """One text alone, for scripts: as it is in a pipe, escaped on a terminal."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def lines(self, width: int | None = None) -> Iterator[str]:
        """The text."""
        yield self.text if width is None else shown(self.text)


def numbered(count: int | str, noun: str) -> str:
    """A number of things: `1 topic`, `2 topics`."""
    return f"{count} {noun}" if str(count) == "1" else f"{count} {noun}s"


def _is_numeric(column: Sequence[str | int]) -> bool:
    """Whether a column has numbers, and nothing else but empty cells."""
    return any(isinstance(one, int) for one in column) and all(
        isinstance(one, int) or not one for one in column
    )


def columns_of(text: str) -> int:
    """The number of columns that a terminal needs for a text."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width  # noqa: PLC0415

    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "FW" else 1
        for char in text
    )


def _narrow(widths: list[int], width: int) -> None:
    """Take columns away from the widest ones until the row fits."""
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    while excess > 0 and max(widths) > _NARROWEST:
        widest = widths.index(max(widths))
        rest = sorted(widths)[-2] if len(widths) > 1 else 0
        step = min(excess, max(widths[widest] - max(rest, _NARROWEST), 1))
        widths[widest] -= step
        excess -= step


def _padded(text: str, size: int, *, to_right: bool) -> str:
    text = _cut(text, size)
    blanks = " " * (size - columns_of(text))
    return blanks + text if to_right else text + blanks


def _cut(text: str, size: int) -> str:
    """The beginning of a text that is too long, with a mark that it was cut."""
    if columns_of(text) <= size:
        return text
    kept = text[: size - 1]
    while columns_of(kept) > size - 1:
        kept = kept[:-1]
    return kept + _CUT

"""Bars as SVG, without a library: one picture for each question."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from html import escape

WIDTH, ROW, LABEL, NUMBER = 860, 26, 250, 170
HEAD, GAP, MARGIN, FOOT, TICK = 34, 22, 16, 30, 16


class Kind(Enum):
    """Whose bar it is; the value is its colour."""

    OURS = "#1b6ca8"
    PURE = "#8fbcdb"
    RIVAL = "#8d99a6"
    LIMIT = "#e0a458"


_LEGEND = {
    Kind.OURS: "namesrv, compiled",
    Kind.PURE: "namesrv, pure Python",
    Kind.RIVAL: "other NameServers",
    Kind.LIMIT: "echo servers: a limit, no rivals",
}


@dataclass(frozen=True)
class Bar:
    """One server's bar; `text` is the figure as people read it."""

    label: str
    value: float
    text: str
    kind: Kind


@dataclass(frozen=True)
class Panel:
    """Bars that share a scale, which is logarithmic where they differ by much."""

    title: str
    bars: Sequence[Bar]
    is_log: bool = False


def draw(panels: Sequence[Panel], footer: str) -> str:
    """The whole picture; `footer` names the machine."""
    parts: list[str] = []
    top = MARGIN
    for panel in panels:
        parts += _panel(panel, top)
        top += HEAD + ROW * len(panel.bars) + GAP + (TICK if panel.is_log else 0)
    parts += _legend({bar.kind for panel in panels for bar in panel.bars}, top)
    parts.append(_text(MARGIN, top + FOOT + 8, footer, size=11))
    height = top + FOOT + MARGIN + 4
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n'
        + "".join(f"{part}\n" for part in parts)
        + "</svg>\n"
    )


def _panel(panel: Panel, top: int) -> list[str]:
    values = [bar.value for bar in panel.bars if bar.value > 0] or [1.0]
    scale = _Scale(min(values), max(values), panel.is_log)
    height = ROW * len(panel.bars)
    parts = [_text(MARGIN, top + 16, panel.title, weight="bold")]
    parts += scale.grid(top + HEAD, height)
    left = MARGIN + LABEL
    for number, bar in enumerate(panel.bars):
        y = top + HEAD + ROW * number
        length = scale.length(bar.value)
        parts.append(_text(left - 8, y + 15, bar.label, anchor="end"))
        parts.append(
            f'<rect x="{left}" y="{y + 3}" width="{length:.1f}" height="{ROW - 9}"'
            f' fill="{bar.kind.value}"/>'
        )
        parts.append(_text(left + length + 6, y + 15, bar.text))
    return parts


class _Scale:
    """From a value to a length; a logarithmic one begins at a power of ten."""

    def __init__(self, least: float, most: float, is_log: bool) -> None:
        self._room = WIDTH - LABEL - NUMBER - 2 * MARGIN
        self._most = most
        self._is_log = is_log
        self._low = math.floor(math.log10(least) - 0.01)
        self._high = math.log10(most)

    def length(self, value: float) -> float:
        """Of a bar, in pixels."""
        if not self._is_log:
            return max(1.0, value / self._most * self._room)
        if value <= 0:
            return 1.0
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return max(1.0, share * self._room)

    def grid(self, top: int, height: int) -> list[str]:
        """A line for each power of ten, so that nobody takes it for a linear one."""
        if not self._is_log:
            return []
        parts = []
        for power in range(self._low, math.floor(self._high) + 1):
            x = MARGIN + LABEL + self.length(10.0**power)
            parts.append(
                f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{top + height}"'
                ' stroke="#dee2e6"/>'
            )
            y = top + height + TICK - 4
            parts.append(_text(x, y, _short(power), anchor="middle", size=10))
        return parts


def _short(power: int) -> str:
    """A power of ten as people write it."""
    return f"{10**power:,}" if power >= 0 else f"{10.0**power:g}"


def _legend(kinds: set[Kind], top: int) -> list[str]:
    parts = []
    x = float(MARGIN)
    for kind, words in _LEGEND.items():
        if kind not in kinds:
            continue
        parts.append(
            f'<rect x="{x:.1f}" y="{top}" width="12" height="12" fill="{kind.value}"/>'
        )
        parts.append(_text(x + 18, top + 11, words, size=11))
        x += 30 + 6.4 * len(words)
    return parts


def _text(
    x: float,
    y: float,
    text: str,
    anchor: str = "start",
    weight: str = "normal",
    size: int = 13,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
        f' font-size="{size}" fill="#212529">{escape(text)}</text>'
    )

"""Bars as SVG, without a library: lookups per second of every server."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, ROW, LABEL, NUMBER = 860, 26, 250, 110
HEAD, GAP, MARGIN = 34, 18, 16
_COLOURS = {True: "#2a6f97", False: "#adb5bd"}


@dataclass(frozen=True)
class Bar:
    """One server's bar; the emphasised ones are ours."""

    label: str
    value: float
    is_ours: bool


@dataclass(frozen=True)
class Panel:
    """Bars that share a scale."""

    title: str
    bars: Sequence[Bar]


def draw(panels: Sequence[Panel]) -> str:
    """The whole picture."""
    parts: list[str] = []
    top = MARGIN
    for panel in panels:
        parts += _panel(panel, top)
        top += HEAD + ROW * len(panel.bars) + GAP
    height = top + MARGIN - GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n'
        + "".join(f"{part}\n" for part in parts)
        + "</svg>\n"
    )


def _panel(panel: Panel, top: int) -> list[str]:
    most = max((bar.value for bar in panel.bars), default=1.0) or 1.0
    room = WIDTH - LABEL - NUMBER - 2 * MARGIN
    parts = [_text(MARGIN, top + 16, panel.title, weight="bold")]
    for number, bar in enumerate(panel.bars):
        y = top + HEAD + ROW * number
        length = max(1.0, bar.value / most * room)
        left = MARGIN + LABEL
        parts.append(_text(left - 8, y + 15, bar.label, anchor="end"))
        parts.append(
            f'<rect x="{left}" y="{y + 3}" width="{length:.1f}" height="{ROW - 9}"'
            f' fill="{_COLOURS[bar.is_ours]}"/>'
        )
        parts.append(_text(left + length + 6, y + 15, f"{bar.value:,.0f}"))
    return parts


def _text(
    x: float, y: float, text: str, anchor: str = "start", weight: str = "normal"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
        f' fill="#212529">{escape(text)}</text>'
    )

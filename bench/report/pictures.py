"""The pictures of a report: lookups, latency, storms, memory, pure beside compiled."""

from collections.abc import Callable
from pathlib import Path

from bench.report.figures import Figures
from bench.report.markdown import count, mebibytes, millis, nanos
from bench.report.micro import Twins
from bench.report.plot import Bar, Kind, Panel, draw

_LIMITS = ("uvloop-echo", "asyncio-echo", "c-echo")
_FIGURE = Callable[[str], float | None]


def draw_pictures(figures: Figures, twins: Twins, folder: Path) -> dict[str, str]:
    """Write the pictures into a folder; file name by what the picture shows."""
    wanted = {
        "lookups per second": ("lookups.svg", _lookups(figures)),
        "latency": ("latency.svg", _latency(figures)),
        "registration storms": ("storms.svg", _storms(figures)),
        "memory": ("memory.svg", _memory(figures)),
        "pure beside compiled": ("twins.svg", _twins(figures, twins)),
    }
    found = {}
    for about, (name, panels) in wanted.items():
        panels = [panel for panel in panels if panel.bars]
        if panels:
            (folder / name).write_text(draw(panels, _footer(figures)))
            found[about] = name
    return found


def _footer(figures: Figures) -> str:
    machine = figures.raw["machine"]
    return (
        f"{machine['cpu']}, {machine['cores']} cores, servers pinned to one of them;"
        f" {machine['when']}, commit {machine['commit'][:9]}"
    )


def _kind(server: str) -> Kind:
    if server in _LIMITS:
        return Kind.LIMIT
    return {"ours-fast": Kind.OURS, "ours-pure": Kind.PURE}.get(server, Kind.RIVAL)


def _panel(
    figures: Figures,
    title: str,
    find: _FIGURE,
    write: Callable[[float | None], str],
    *,
    is_log: bool = False,
    without: tuple[str, ...] = (),
) -> Panel:
    bars = []
    for server in figures.servers:
        value = find(server)
        if value is not None and server not in without:
            bar = Bar(figures.title(server), value, write(value), _kind(server))
            bars.append(bar)
    return Panel(title, bars, is_log)


def _lookups(figures: Figures) -> list[Panel]:
    def of(load: str) -> _FIGURE:
        return lambda server: figures.load(load, server, "per_second")

    one, many = "50 connections, one lookup at a time", "50 connections, 16 under way"
    return [
        _panel(figures, f"Lookups a second, {one}", of("lookup-50x1"), count),
        _panel(
            figures,
            f"Lookups a second, {many} on each (log scale)",
            of("lookup-50x16"),
            count,
            is_log=True,
        ),
    ]


def _latency(figures: Figures) -> list[Panel]:
    def of(load: str) -> _FIGURE:
        return lambda server: figures.load(load, server, "p99_us")

    return [
        _panel(
            figures,
            f"99th percentile of a lookup, {words} (log scale of microseconds)",
            of(load),
            millis,
            is_log=True,
        )
        for load, words in (("lookup-50x1", "50 x 1"), ("lookup-50x16", "50 x 16"))
    ]


def _storms(figures: Figures) -> list[Panel]:
    def of(measure: str) -> _FIGURE:
        return lambda server: figures.storm(server, "cold", measure)

    about = "300 brokers register 10,000 topics each, for the first time"
    return [
        _panel(figures, f"{about}: seconds in all", of("seconds"), _seconds),
        _panel(
            figures,
            "99th percentile of a lookup meanwhile (log scale of microseconds)",
            of("lookup_p99_us"),
            millis,
            is_log=True,
        ),
        _panel(figures, "Most memory meanwhile", of("peak_rss_kib"), mebibytes),
    ]


def _memory(figures: Figures) -> list[Panel]:
    def of(measure: str) -> _FIGURE:
        return lambda server: figures.alone(server, measure)

    return [
        _panel(
            figures,
            "Memory after the start (log scale of KB)",
            of("rss_idle_kib"),
            mebibytes,
            is_log=True,
        ),
        _panel(
            figures,
            "Memory of a topic on four brokers, its answers apart",
            of("rss_kib_per_1000_topics"),
            _bytes_of_a_topic,
            without=_LIMITS,
        ),
    ]


def _twins(figures: Figures, twins: Twins) -> list[Panel]:
    bars = []
    for name, found in twins.items():
        if not found.keys() >= {"fast", "pure"}:
            continue
        times = found["pure"] / found["fast"]
        text = f"{times:,.1f} x ({nanos(found['pure'])}, {nanos(found['fast'])})"
        bars.append(Bar(name.replace("_", " "), times, text, Kind.OURS))
    title = "Pure / compiled in memory, time of one request (log scale)"
    return [Panel(title, bars, is_log=True)]


def _seconds(value: float | None) -> str:
    return f"{value or 0.0:.2f} s"


def _bytes_of_a_topic(kib_per_1000: float | None) -> str:
    return f"{(kib_per_1000 or 0.0) * 1.024:,.0f} bytes"

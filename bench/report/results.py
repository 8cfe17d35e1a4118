"""RESULTS.md and its pictures, from the JSON files in one folder.

usage: python -m bench.report.results [FOLDER]
"""

import json
import sys
from functools import partial
from pathlib import Path

from bench.driver.places import RESULTS, as_written
from bench.report.budgets import budget_table, budgets
from bench.report.figures import Figures, share
from bench.report.learnt import learnt
from bench.report.markdown import (
    count,
    kibibytes,
    mebibytes,
    millis,
    ratio,
    table,
)
from bench.report.micro import MICRO, Twins, micro_table, ratios
from bench.report.pictures import draw_pictures

STORM_PHASES = ("cold", "unchanged", "steady")
ECHO = "uvloop-echo"


def write_report(path: Path) -> int:
    """Write the report of a new results file beside it, and print the budgets.

    Returns an exit code: 1 when something of our own failed.
    """
    folder = path.parent
    figures = Figures(path)
    twins = _read_micro()
    report = folder / f"{'RESULTS' if path.stem == 'peers' else path.stem}.md"
    pictures = folder if path.stem == "peers" else folder / path.stem
    pictures.mkdir(exist_ok=True)
    drawn = draw_pictures(figures, twins, pictures)
    lines = budgets(figures, ratios(twins))
    sections = [
        f"# Results of `make bench-{path.stem}`\n",
        learnt(figures, lines),
        _pictures(drawn, pictures.relative_to(folder)),
        _circumstances(figures, path),
        "## Budgets\n\n" + budget_table(lines),
        _failures(figures),
        _loads(figures),
        _alone(figures),
        _storms(figures),
    ]
    if twins:
        about = "## The hot path in memory, one request of a read, `make bench`\n\n"
        sections.append(about + micro_table(twins))
    sections.append(_commands(figures))
    report.write_text("\n".join(section for section in sections if section))
    print(budget_table(lines))
    for sentence in figures.failures():
        print(f"bench: FAILED: {sentence}")
    print(f"bench: the report is {report.name} in {as_written(str(folder))}")
    return int(any(sentence.startswith("ours") for sentence in figures.failures()))


def _read_micro() -> Twins:
    published = RESULTS / MICRO
    if not published.exists():
        return {}
    twins: Twins = json.loads(published.read_text())["median_seconds"]
    return twins


def _pictures(drawn: dict[str, str], folder: Path) -> str:
    """Each picture with its words, in a section of their own."""
    lines = "".join(f"![{about}]({folder / name})\n\n" for about, name in drawn.items())
    return f"## Pictures\n\n{lines}"


def _circumstances(figures: Figures, path: Path) -> str:
    raw = figures.raw
    machine = raw["machine"]
    load_average = ", ".join(f"{value:.1f}" for value in machine["load_average"])
    versions = "; ".join(f"{name} {text}" for name, text in raw["versions"].items())
    warning = ""
    if raw["quick"]:
        warning = "\n**A quick run: it shows that the scripts work, and no figures.**\n"
    return (
        f"## Circumstances\n{warning}\n"
        f"Made by `python -m bench.{path.stem}` from `{path.name}`;"
        " bench/README.md says how to repeat it and what the words mean.\n\n"
        f"* {machine['when']}, commit {machine['commit'][:12]}"
        f" ({machine['changed_files']} changed files below `namesrv`),"
        f" {raw['minutes']} minutes\n"
        f"* {machine['cpu']}, {machine['cores']} cores, {machine['memory_mib']:,} MB,"
        f" {machine['system']}; servers on core {machine['server_core']}, load on core"
        f" {machine['driver_core']}; load average before: {load_average}\n"
        f"* {versions}\n"
    )


def _failures(figures: Figures) -> str:
    found = figures.failures()
    if not found:
        return (
            "## Failures\n\nNone: every server was there and every answer was right.\n"
        )
    lines = "".join(f"* {sentence}\n" for sentence in found)
    return f"## Failures and absences\n\n{lines}"


def _loads(figures: Figures) -> str:
    titles = ["server", "requests/s", "of uvloop echo", "p50", "p99", "p99.9"]
    titles += ["CPU s per million", "requests per CPU s", "RSS", "generator busy"]
    parts = ["## Loads\n"]
    for load, result in figures.raw["loads"].items():
        rows = [
            _load_row(figures, load, server)
            for server in figures.servers
            if figures.load(load, server, "per_second") is not None
        ]
        rounds = f"{result['rounds']} rounds of {result['seconds']} s"
        title = f"### {load}: {result['title']} ({rounds})"
        parts.append(f"{title}\n\n{table(titles, rows)}")
    return "\n".join(parts)


def _load_row(figures: Figures, load: str, server: str) -> list[str]:
    get = partial(figures.load, load, server)
    title = figures.title(server)
    topics = get("reduced_topics")
    if topics is not None:
        title += f" (only {topics:,.0f} topics)"
    return [
        title,
        count(get("per_second")),
        ratio(figures.compare(load, server, ECHO, "per_second")),
        *(millis(get(measure)) for measure in ("p50_us", "p99_us", "p999_us")),
        f"{get('cpu_seconds_per_million') or 0.0:,.1f}",
        count(get("per_cpu_second")),
        mebibytes(get("rss_kib")),
        f"{get('generator_busy') or 0.0:.0%}",
    ]


def _alone(figures: Figures) -> str:
    titles = ["server", "start to first answer", "RSS idle"]
    titles += ["per 1,000 topics on 4 brokers", "the same, asked for"]
    titles += ["RSS, all asked for", "RSS after load"]
    titles += ["RSS per idle connection", "of"]
    rows = [
        _alone_row(figures, server)
        for server in figures.servers
        if figures.alone(server, "start_seconds") is not None
    ]
    return "## Start and memory\n\n" + table(titles, rows)


def _alone_row(figures: Figures, server: str) -> list[str]:
    get = partial(figures.alone, server)
    return [
        figures.title(server),
        f"{get('start_seconds'):.3f} s",
        mebibytes(get("rss_idle_kib")),
        kibibytes(get("rss_kib_per_1000_topics")),
        kibibytes(get("rss_kib_per_1000_topics_asked")),
        mebibytes(get("rss_asked_kib")),
        mebibytes(get("rss_after_load_kib")),
        kibibytes(get("rss_kib_per_idle_connection")),
        count(get("idle_connections")),
    ]


def _storms(figures: Figures) -> str:
    titles = ["server", "registrations", "time", "registrations/s"]
    titles += ["CPU a registration", "registration p50", "p99", "lookups"]
    titles += ["lookup p50", "p99", "max", "RSS", "peak RSS"]
    parts = ["## Storms\n"]
    again = figures.raw.get("storms_machine")
    if again:
        parts.append(
            f"Measured again, all of them in one session: {again['when']}, commit"
            f" {again['commit'][:12]}, load average before:"
            f" {again['load_average'][0]:.1f}.\n"
        )
    parts.append(_storms_of_each(figures))
    for phase in STORM_PHASES:
        rows = [
            _storm_row(figures, phase, server)
            for server in figures.raw["storms"]
            if figures.storm(server, phase, "registrations")
        ]
        parts.append(f"### {phase}\n\n{table(titles, rows)}")
    return "\n".join(parts)


def _storms_of_each(figures: Figures) -> str:
    """All times of the cold phase, of which the median counts."""
    times = [
        f"{figures.title(server)} {', '.join(f'{one:.2f}' for one in storms)}"
        for server, result in figures.raw["storms"].items()
        if (storms := result.get("cold_seconds"))
    ]
    if not times:
        return ""
    return (
        "Each server has some storms, by turns with the others; the figures are those"
        " of the storm with the median time of the cold phase. These times, in"
        f" seconds: {'; '.join(times)}.\n"
    )


def _storm_row(figures: Figures, phase: str, server: str) -> list[str]:
    get = partial(figures.storm, server, phase)
    cpu_seconds = share(get("server_cpu_seconds"), get("registrations")) or 0.0
    return [
        figures.title(server),
        count(get("registrations")),
        f"{get('seconds'):.2f} s",
        f"{get('registrations_per_second'):,.1f}",
        millis(cpu_seconds * 1e6),
        millis(get("registration_p50_us")),
        millis(get("registration_p99_us")),
        count(get("lookups")),
        *(millis(get(f"lookup_{name}_us")) for name in ("p50", "p99", "max")),
        mebibytes(get("rss_kib")),
        mebibytes(get("peak_rss_kib")),
    ]


def _commands(figures: Figures) -> str:
    lines = "".join(
        f"* {figures.title(server)}: `{command}`\n"
        for server, command in figures.raw["commands"].items()
    )
    return f"## Commands\n\n{lines}"


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    for name in ("server", "peers"):
        if (folder / f"{name}.json").exists():
            write_report(folder / f"{name}.json")


if __name__ == "__main__":
    main()

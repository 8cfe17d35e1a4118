"""The lessons of a run, in at most ten sentences, the unflattering ones among them."""

from bench.report.budgets import ECHO, FAST, JAVA, PURE, RUST, Budget
from bench.report.figures import Figures, share

_JAVA_NEW = JAVA["Java 5.5.0"]
_JAVA_OLD = JAVA["Java 5.3.3"]


def learnt(figures: Figures, lines: list[Budget]) -> str:
    """A list in Markdown; a sentence whose figures were not measured is left out."""
    sentences = [
        _lookups(figures),
        _latency(figures),
        _ceiling(figures),
        _cores(figures),
        _cold_storm(figures),
        _storm_lookups(figures),
        _topic_memory(figures),
        _small(figures),
        _twins(figures),
        _missed(lines),
    ]
    found = "".join(f"* {sentence}\n" for sentence in sentences if sentence)
    return f"## Lessons\n\n{found}"


def _lookups(figures: Figures) -> str:
    load = "lookup-50x16"
    java = figures.compare(load, FAST, _JAVA_NEW, "per_second")
    rust = figures.compare(load, FAST, RUST, "per_second")
    ours = figures.load(load, FAST, "per_second")
    if java is None or rust is None or ours is None:
        return ""
    return (
        "Pipelined, 16 under way on each of 50 connections, the compiled server"
        f" answers {ours:,.0f} lookups a second: {java:.0f} times Java 5.5.0 and"
        f" {rust:.0f} times rocketmq-rust, all of them on one core."
    )


def _latency(figures: Figures) -> str:
    ours = figures.load("lookup-50x1", FAST, "p99_us")
    java = figures.load("lookup-50x1", _JAVA_NEW, "p99_us")
    if ours is None or java is None:
        return ""
    return (
        f"One at a time, 99 of 100 lookups take less than {ours / 1000:.2f} ms;"
        f" with Java 5.5.0 it is {java / 1000:.2f} ms."
    )


def _ceiling(figures: Figures) -> str:
    one = figures.compare("lookup-50x1", FAST, ECHO, "per_second")
    java = figures.compare("lookup-50x1", FAST, _JAVA_NEW, "per_cpu_second")
    echo = figures.compare("lookup-50x1", ECHO, _JAVA_NEW, "per_cpu_second")
    if one is None or java is None or echo is None:
        return ""
    return (
        "At 50 x 1 the kernel is the limit: the server, a lookup lane included,"
        f" reaches {one:.2f} of an echo that does not think. Per CPU second that is"
        f" {java:.1f} times Java 5.5.0, and the echo reaches {echo:.1f} times."
    )


def _cores(figures: Figures) -> str:
    return (
        "Every server had one core. Ours uses one for its loop and one for each lookup"
        " lane; Java and rocketmq-rust use all there are, and on eight cores a client"
        " that keeps them busy would see them closer than here."
    )


def _cold_storm(figures: Figures) -> str:
    found = {
        server: figures.storm(server, "cold", "seconds")
        for server in (FAST, PURE, _JAVA_OLD, _JAVA_NEW)
    }
    fast, pure = found[FAST], found[PURE]
    old, new = found[_JAVA_OLD], found[_JAVA_NEW]
    if fast is None or pure is None or old is None or new is None:
        return ""
    faster = "faster" if new < fast else "slower"
    twin = "faster, too" if pure < fast else "slower"
    return (
        "When 300 brokers register 10,000 topics each for the first time, Java 5.5.0"
        f" is {faster} ({new:.2f} s beside our {fast:.2f} s), Java 5.3.3 takes"
        f" {old:.2f} s; our own pure twin is {twin} ({pure:.2f} s)."
    )


def _storm_lookups(figures: Figures) -> str:
    ours = figures.storm(FAST, "cold", "lookup_p99_us")
    java = figures.storm(_JAVA_NEW, "cold", "lookup_p99_us")
    if ours is None or java is None:
        return ""
    return (
        f"Meanwhile a lookup waits {ours / 1000:.0f} ms with us and"
        f" {java / 1000:.0f} ms with Java 5.5.0 (99th percentile). Its topic is one of"
        " those that register; LANES.md has lookups of other topics, which wait less."
    )


def _topic_memory(figures: Figures) -> str:
    found = [
        figures.alone(server, "rss_kib_per_1000_topics")
        for server in (FAST, PURE, _JAVA_NEW)
    ]
    fast, pure, java = found
    if fast is None or pure is None:
        return ""
    beside = "" if java is None else f", Java 5.5.0 {java * 1.024:,.0f}"
    return (
        f"A topic on four brokers takes {fast * 1.024:,.0f} bytes in the compiled"
        f" server, {pure * 1.024:,.0f} in the pure one{beside}; answers apart."
    )


def _small(figures: Figures) -> str:
    idle = figures.alone(FAST, "rss_idle_kib")
    java = figures.alone(_JAVA_NEW, "rss_idle_kib")
    start = figures.alone(FAST, "start_seconds")
    if idle is None or java is None or start is None:
        return ""
    return (
        f"It starts in {start:.2f} s and then takes {idle / 1024:.0f} MB; Java 5.5.0"
        f" with upstream's flags and half its heap takes {java / 1024:.0f} MB."
    )


def _twins(figures: Figures) -> str:
    found = share(
        figures.load("lookup-50x16", FAST, "per_second"),
        figures.load("lookup-50x16", PURE, "per_second"),
    )
    one = share(
        figures.load("lookup-50x1", FAST, "per_second"),
        figures.load("lookup-50x1", PURE, "per_second"),
    )
    if found is None or one is None:
        return ""
    return (
        f"Compiled beside pure: {found:.0f} times as many lookups pipelined, {one:.1f}"
        " times one at a time, where the kernel takes most of the time."
    )


def _missed(lines: list[Budget]) -> str:
    missed = [line for line in lines if line.is_met is False]
    return f"{len(missed)} of {len(lines)} budgets are missed; they are named below."

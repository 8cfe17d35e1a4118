"""The budgets of the design beside what was measured."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.report.figures import Figures, share
from bench.report.markdown import NOTHING, mebibytes, millis, ratio, table

FAST, PURE, ECHO, RUST = "ours-fast", "ours-pure", "uvloop-echo", "rocketmq-rust"
JAVA = {"Java 5.3.3": "java-5.3.3-2g", "Java 5.5.0": "java-5.5.0-2g"}
NOISE = 0.97
"""Two equal loads differ by this much between rounds; "not slower" allows for it."""
GROWTH_KIB = 1024


@dataclass(frozen=True)
class Budget:
    """One line: what, how much at most or least, how much it is, and whether it is met
    (None: not measured)."""

    what: str
    wanted: str
    measured: str
    is_met: bool | None


def budgets(figures: Figures, twins: dict[str, float]) -> list[Budget]:
    """All lines; `twins` holds pure / fast by micro benchmark."""
    return [
        *_lookups(figures),
        *_implementations(figures, twins),
        *_others_not_slower(figures),
        *_registrations(figures),
        *_start_and_memory(figures),
        *_storms(figures),
    ]


def budget_table(lines: list[Budget]) -> str:
    """As Markdown."""
    words = {True: "yes", False: "**no**", None: "not measured"}
    return table(
        ["what", "budget", "measured", "met"],
        [[line.what, line.wanted, line.measured, words[line.is_met]] for line in lines],
    )


def _at_least(what: str, wanted: float, found: float | None) -> Budget:
    met = None if found is None else found >= wanted
    return Budget(what, f">= {wanted:g} x", ratio(found), met)


def _at_most(what: str, wanted: float, found: float | None, text: str) -> Budget:
    measured = NOTHING if found is None else f"{found:.3f}"
    met = None if found is None else found <= wanted
    return Budget(what, f"<= {text}", measured, met)


def _lookups(figures: Figures) -> Iterator[Budget]:
    def compare(load: str, other: str, measure: str) -> float | None:
        return figures.compare(load, FAST, other, measure)

    one, many = "lookup-50x1", "lookup-50x16"
    yield _at_least(
        "lookups 50 x 1, of uvloop echo", 1.1, compare(one, ECHO, "per_second")
    )
    for name, server in JAVA.items():
        found = compare(one, server, "per_cpu_second")
        yield _at_least(f"lookups 50 x 1 per CPU second, of {name}", 7, found)
    found = compare(one, RUST, "per_cpu_second")
    yield _at_least("lookups 50 x 1 per CPU second, of rocketmq-rust", 4.5, found)
    found = compare(many, ECHO, "per_second")
    yield _at_least("lookups 50 x 16, of uvloop echo", 0.95, found)
    found = compare(many, JAVA["Java 5.5.0"], "per_second")
    yield _at_least("lookups 50 x 16, of Java 5.5.0", 11, found)
    yield _at_least(
        "lookups 50 x 16, of rocketmq-rust", 22, compare(many, RUST, "per_second")
    )
    for name, server in JAVA.items():
        found = compare(one, server, "p99_us")
        yield _at_most(f"p99 at 50 x 1, of {name}", 0.2, found, "1/5")


def _implementations(figures: Figures, twins: dict[str, float]) -> Iterator[Budget]:
    found = twins.get("receive_lookups[16]")
    yield _at_least("compiled / pure, receive of 16 lookups in memory", 10, found)
    load = "lookup-50x16"
    found = figures.compare(load, FAST, PURE, "per_second")
    yield _at_least("compiled / pure, whole server, 50 x 16", 2.5, found)


def _others_not_slower(figures: Figures) -> Iterator[Budget]:
    for name, prefix in (("heartbeats", "heartbeat"), ("unknown topics", "unknown")):
        for size in ("50x1", "50x16"):
            found = figures.load(f"{prefix}-{size}", FAST, "of_beside")
            met = None if found is None else found >= NOISE
            what = f"{name} {size.replace('x', ' x ')}, of lookups"
            yield Budget(what, "not slower", ratio(found), met)


def _registrations(figures: Figures) -> Iterator[Budget]:
    for name, server in JAVA.items():
        found = figures.compare("register-1000", FAST, server, "per_cpu_second")
        what = f"unchanged registration, 1,000 topics, per CPU second, of {name}"
        yield _at_least(what, 2, found)
    cpu = figures.load("register-10000", FAST, "cpu_seconds_per_million")
    middle = figures.load("register-10000", FAST, "p50_us")
    measured = f"{millis(cpu)} of CPU, p50 {millis(middle)}"
    met = None if cpu is None else cpu < 5000
    yield Budget("unchanged registration, 10,000 topics", "< 5 ms", measured, met)


def _start_and_memory(figures: Figures) -> Iterator[Budget]:
    start = figures.alone(FAST, "start_seconds")
    measured = NOTHING if start is None else f"{start:.3f} s"
    met = None if start is None else start < 0.2
    yield Budget("start to first answer", "< 0.2 s", measured, met)
    idle = figures.alone(FAST, "rss_idle_kib")
    met = None if idle is None else idle < 35 * 1024
    yield Budget("RSS after start", "< 35 MB", mebibytes(idle), met)
    asked = figures.alone(FAST, "rss_asked_kib")
    loaded = figures.alone(FAST, "rss_after_load_kib")
    growth = None if asked is None or loaded is None else loaded - asked
    met = None if growth is None else growth <= GROWTH_KIB
    what = "RSS growth by load, once every topic was asked for"
    yield Budget(what, "none", mebibytes(growth), met)
    each = figures.alone(FAST, "rss_kib_per_idle_connection")
    count = figures.alone(FAST, "idle_connections")
    measured = NOTHING if each is None else f"{each:.2f} KB ({count:,.0f} of them)"
    met = None if each is None else each <= 0.3
    yield Budget("idle connection that asked once", "<= 0.3 KB", measured, met)
    topics = figures.alone(FAST, "rss_kib_per_1000_topics")
    size = None if topics is None else topics * 1.024
    measured = NOTHING if size is None else f"{size:.0f} bytes"
    met = None if size is None else size <= 700
    yield Budget("topic, answers apart", "<= 700 bytes", measured, met)


def _storms(figures: Figures) -> Iterator[Budget]:
    java = JAVA["Java 5.3.3"]

    def compare(phase: str, measure: str) -> float | None:
        ours = figures.storm(FAST, phase, measure)
        return share(ours, figures.storm(java, phase, measure))

    failure = figures.storm_failure(FAST)
    is_through = figures.storm(FAST, "steady", "registrations") is not None
    measured = "none lost in any phase" if is_through else failure or NOTHING
    met = True if is_through else None if failure is None else False
    yield Budget("storm: brokers lost", "none", measured, met)
    for name, server in JAVA.items():
        times = (figures.storm(one, "cold", "seconds") for one in (FAST, server))
        yield _at_most(f"cold storm: time, of {name}", 0.5, share(*times), "0.5")
    found = compare("cold", "lookup_p99_us")
    yield _at_most("cold storm: lookup p99, of Java 5.3.3", 0.2, found, "1/5")
    found = compare("cold", "peak_rss_kib")
    yield _at_most("cold storm: RSS, of Java 5.3.3", 0.125, found, "1/8")
    found = compare("unchanged", "registrations_per_second")
    yield _at_least("the same unchanged: registrations/s, of Java 5.3.3", 4, found)
    for phase, words in (("unchanged", "at once"), ("steady", "every 3 s")):
        found = compare(phase, "lookup_p99_us")
        what = f"the same unchanged, {words}: lookup p99, of Java 5.3.3"
        yield _at_most(what, 0.1, found, "1/10")

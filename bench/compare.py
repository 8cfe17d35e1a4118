"""Measure this checkout beside another one: `python -m bench.compare PATH`.

Both servers and the uvloop echo run interleaved in one session, as in `make
bench-server`: figures of different sessions cannot be compared. The other checkout
needs its own environment with the compiled twin (`make run` there).
"""

import sys
from pathlib import Path

from bench.driver.choice import Choice
from bench.driver.loads import FULL, QUICK
from bench.driver.places import CACHE
from bench.driver.run import measure
from bench.driver.servers import IDLE_SECONDS, OURS_FAST, UVLOOP_ECHO, Server
from bench.report.figures import Figures, share
from bench.report.markdown import table

OTHER = "other-fast"
LOADS = (
    ("lookup-50x1", "per_second"),
    ("lookup-50x1", "per_cpu_second"),
    ("lookup-50x16", "per_second"),
    ("lookup-50x16", "per_cpu_second"),
    ("heartbeat-50x16", "per_cpu_second"),
    ("unknown-50x16", "per_cpu_second"),
    ("register-1000", "per_cpu_second"),
    ("register-10000", "per_cpu_second"),
)
ALONE = (
    "start_seconds",
    "rss_idle_kib",
    "rss_kib_per_idle_connection",
    "rss_kib_per_1000_topics",
)


def main() -> int:
    words = [word for word in sys.argv[1:] if word != "--quick"]
    if len(words) != 1 or not (Path(words[0]) / ".venv/bin/python").exists():
        sys.exit("usage: python -m bench.compare CHECKOUT [--quick]; it needs a .venv")
    plan = QUICK if "--quick" in sys.argv else FULL
    servers = (OURS_FAST, _other(Path(words[0]).resolve()), UVLOOP_ECHO)
    path = measure("compare", servers, {}, Choice(plan, False, CACHE / "compare"))
    print(_report(Figures(path)))
    return 0


def _other(checkout: Path) -> Server:
    def command(home: Path, port: int) -> list[str]:
        words = ["--bind", "127.0.0.1", "--port", str(port)]
        words += ["--data-dir", str(home / "data")]
        idle = ["--server-channel-max-idle-time-seconds", str(IDLE_SECONDS)]
        python = str(checkout / ".venv/bin/python")
        return [python, "-m", "namesrv", *words, *idle]

    environment = {"PYTHONPATH": str(checkout), "NAMESRV_REQUIRE_EXTENSIONS": "1"}
    return Server(OTHER, "the other checkout", command, environment, is_ours=True)


def _report(figures: Figures) -> str:
    rows = []
    for load, measure_name in LOADS:
        ours = figures.load(load, OURS_FAST.name, measure_name)
        other = figures.load(load, OTHER, measure_name)
        ratio = figures.compare(load, OURS_FAST.name, OTHER, measure_name)
        rows.append([f"{load}, {measure_name}", *map(_text, (ours, other, ratio))])
    both = (OURS_FAST.name, OTHER)
    for name in ALONE:
        rows.append(_row(name, *(figures.alone(server, name) for server in both)))
    for phase in ("cold", "unchanged"):
        for name in ("seconds", "server_cpu_seconds", "lookup_p99_us", "peak_rss_kib"):
            found = (figures.storm(server, phase, name) for server in both)
            rows.append(_row(f"{phase} storm, {name}", *found))
    return table(["what", "here", "there", "here / there"], rows)


def _row(what: str, ours: float | None, other: float | None) -> list[str]:
    return [what, _text(ours), _text(other), _text(share(ours, other))]


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:,.3f}"


if __name__ == "__main__":
    sys.exit(main())

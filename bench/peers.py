"""`make bench-peers`: as bench-server, with Java's and Rust's NameServers beside."""

import sys

from bench.driver.choice import read_plan
from bench.driver.run import measure
from bench.driver.servers import other_servers
from bench.report.results import write_report
from bench.server import SERVERS


def main() -> int:
    plan = read_plan("Measure namesrv beside the other NameServers and echo servers.")
    others, absent = other_servers()
    return write_report(measure("peers", [*SERVERS, *others], absent, plan))


if __name__ == "__main__":
    sys.exit(main())

"""`make bench-peers`: as bench-server, with Java's and Rust's NameServers beside."""

import sys

from bench.driver.choice import read_choice
from bench.driver.run import measure, measure_storms_again
from bench.driver.servers import other_servers
from bench.report.results import write_report
from bench.server import SERVERS


def main() -> int:
    about = "Measure namesrv beside the other NameServers and echo servers."
    choice = read_choice(about)
    others, absent = other_servers()
    servers = [*SERVERS, *others]
    if choice.storms_only:
        return write_report(measure_storms_again("peers", servers, choice))
    return write_report(measure("peers", servers, absent, choice))


if __name__ == "__main__":
    sys.exit(main())

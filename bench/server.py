"""`make bench-server`: our server, both twins, beside echoes of the same bytes."""

import sys

from bench.driver.choice import read_choice
from bench.driver.run import measure, measure_storms_again
from bench.driver.servers import (
    ASYNCIO_ECHO,
    C_ECHO,
    OURS_FAST,
    OURS_PURE,
    UVLOOP_ECHO,
)
from bench.report.results import write_report

SERVERS = (OURS_FAST, OURS_PURE, UVLOOP_ECHO, ASYNCIO_ECHO, C_ECHO)


def main() -> int:
    choice = read_choice("Measure namesrv beside echo servers.")
    if choice.storms_only:
        return write_report(measure_storms_again("server", SERVERS, choice))
    return write_report(measure("server", SERVERS, {}, choice))


if __name__ == "__main__":
    sys.exit(main())

"""Ten thousand connections that asked once, and are silent."""

import resource
import socket
import time

from namesrv.testing.peer import lookup
from tests.chaos.outcome import Outcome
from tests.chaos.trial import Plan, demand, populated

FAULT = "idle connections"
CONNECTIONS = 10_000
_SPARE_FILES = 1500
_MOST_KIB_EACH = 8.0


def run(plan: Plan) -> Outcome:
    """As many as the limit of open files allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        return _run(plan, min(CONNECTIONS, hard - _SPARE_FILES))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _run(plan: Plan, count: int) -> Outcome:
    asked = lookup("everywhere")
    with populated(plan) as trial:
        before = trial.server.rss_mib()
        connections = []
        for _ in range(count):
            connection = socket.create_connection(trial.address)
            connection.sendall(asked)
            connections.append(connection)
        for connection in connections:
            demand(connection.recv(1), "a connection was closed")
        held = trial.server.rss_mib() - before
        each = held * 1024 / count
        demand(each < _MOST_KIB_EACH, f"each takes {each:.1f} KiB")
        for connection in connections:
            connection.close()
        what = (
            f"{count:,} connections that asked once: {held:.1f} MiB,"
            f" {each:.1f} KiB each"
        )
        return trial.outcome(FAULT, what, time.monotonic())

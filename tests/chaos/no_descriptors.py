"""No file descriptor is left, and more peers than may be knock."""

import socket
import time
from resource import RLIMIT_NOFILE, prlimit

from namesrv.testing.peer import lookup, put_kv, wait_until
from tests.chaos.outcome import Outcome
from tests.chaos.trial import Plan, demand, populated

FAULT = "no descriptors"
_SECONDS = 3.0


def run(plan: Plan) -> Outcome:
    """The limit is taken down to what is in use, and given back."""
    with populated(plan, "--snapshot-interval-millis", "100") as trial:
        server, pid = trial.server, trial.server.process.pid
        peer = trial.peer()
        demand(peer.ask(put_kv("n", "k", "before")).code == 0, "a change was refused")
        _, hard = prlimit(pid, RLIMIT_NOFILE)
        prlimit(pid, RLIMIT_NOFILE, (server.open_files(), hard))
        outside = [socket.create_connection(server.address) for _ in range(200)]
        refused = peer.ask(put_kv("n", "k", "after"))
        demand(refused.code == 1, "a change that could not be kept was not refused")
        used, began = server.cpu_seconds(), time.monotonic()
        time.sleep(_SECONDS)
        busy = (server.cpu_seconds() - used) / (time.monotonic() - began)
        demand(busy < 0.5, f"the server used {busy:.0%} of a core for nothing")
        prlimit(pid, RLIMIT_NOFILE, (hard, hard))
        ended = time.monotonic()
        wait_until(lambda: _is_served(trial.address))
        recovered = time.monotonic() - ended
        demand(peer.ask(put_kv("n", "k", "after")).code == 0, "a change was refused")
        for connection in outside:
            connection.close()
        what = (
            f"200 more peers for {_SECONDS:.0f} s: those there were served, {busy:.0%}"
            " of a core used, a change of a file refused with code 1"
        )
        return trial.outcome(FAULT, what, ended)._replace(recovered_after=recovered)


def _is_served(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, 5) as connection:
            connection.sendall(lookup("nobody-has-it"))
            return bool(connection.recv(1))
    except OSError:
        return False

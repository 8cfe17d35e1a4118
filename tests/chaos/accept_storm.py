"""Peers that connect and leave as fast as they can, and more than may stay."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

from namesrv.testing.peer import Peer, lookup
from tests.chaos.outcome import Outcome
from tests.chaos.trial import Plan, Trial, demand, populated

FAULT = "accept storm"
LIMIT = 300
_THREADS = 3
_HELD = 100


def run(plan: Plan) -> Outcome:
    """Some connections are held, so that there is no room left most of the time."""
    with populated(plan, "--max-connections", f"{LIMIT}") as trial:
        stop = time.monotonic() + plan.storm_seconds
        with ThreadPoolExecutor(_THREADS) as pool:
            stormers = [pool.submit(_knock, trial, stop) for _ in range(_THREADS)]
        knocks = sum(stormer.result() for stormer in stormers)
        ended = time.monotonic()
        lines = trial.server.log().count("connection limit reached")
        demand(lines, "nobody was turned away")
        demand(lines < plan.storm_seconds + 3, f"{lines} lines of log")
        what = (
            f"{knocks / plan.storm_seconds:,.0f} connections a second for"
            f" {plan.storm_seconds:.0f} s, at most {LIMIT} at a time; {lines} lines"
            " of log; longest wait for a lookup"
            f" {trial.watcher.longest_wait * 1000:.0f} ms"
        )
        return trial.outcome(FAULT, what, ended)


def _knock(trial: Trial, stop: float) -> int:
    """How often somebody came."""
    knocks = 0
    held: list[socket.socket] = []
    while time.monotonic() < stop:
        try:
            connection = socket.create_connection(trial.address, 5)
        except OSError:
            continue
        knocks += 1
        held.append(connection)
        if len(held) > _HELD:
            held.pop(0).close()
        if not knocks % 50:
            _ask_once(trial)
    for connection in held:
        connection.close()
    return knocks


def _ask_once(trial: Trial) -> None:
    """Some of those that knock want something, and go without the answer."""
    try:
        with Peer(trial.address) as peer:
            peer.send(lookup("everywhere"))
            peer.reset()
    except OSError:
        pass

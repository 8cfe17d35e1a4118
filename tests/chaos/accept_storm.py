"""Peers that connect and leave as fast as they can, and more than may stay."""

import socket
import threading
import time

from tests.chaos.outcome import Outcome
from tests.chaos.scene import Plan, Scene, demand, populated
from tests.server.peer import Peer, lookup

FAULT = "accept storm"
LIMIT = 300
_THREADS = 3
_HELD = 100


def run(plan: Plan) -> Outcome:
    """Some connections are held, so that there is no room left most of the time."""
    with populated(plan, "--max-connections", f"{LIMIT}") as scene:
        counts = [0] * _THREADS
        stop = time.monotonic() + plan.storm_seconds
        threads = [
            threading.Thread(target=_knock, args=(scene, counts, number, stop))
            for number in range(_THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ended = time.monotonic()
        lines = scene.server.log().count("there are as many connections as may be")
        demand(lines, "nobody was turned away")
        demand(lines < plan.storm_seconds + 3, f"{lines} lines of log")
        what = (
            f"{sum(counts) / plan.storm_seconds:,.0f} connections a second for"
            f" {plan.storm_seconds:.0f} s, at most {LIMIT} at a time; {lines} lines"
            " of log; longest wait for a lookup"
            f" {scene.watcher.longest_wait * 1000:.0f} ms"
        )
        return scene.outcome(FAULT, what, ended)


def _knock(scene: Scene, counts: list[int], number: int, stop: float) -> None:
    held: list[socket.socket] = []
    while time.monotonic() < stop:
        try:
            connection = socket.create_connection(scene.address, 5)
        except OSError:
            continue
        counts[number] += 1
        held.append(connection)
        if len(held) > _HELD:
            held.pop(0).close()
        if not counts[number] % 50:
            _ask_once(scene)
    for connection in held:
        connection.close()


def _ask_once(scene: Scene) -> None:
    """Some of those that knock want something, and go without the answer."""
    try:
        with Peer(scene.address) as peer:
            peer.send(lookup("everywhere"))
            peer.reset()
    except OSError:
        pass

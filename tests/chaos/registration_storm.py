"""Large registrations, of which each changes everything, without a pause."""

import threading
import time

from tests.chaos.outcome import Outcome
from tests.chaos.scene import Plan, Scene, demand, populated
from tests.server.peer import Broker

FAULT = "registration storm"
TOPICS = 10_000
_SENDERS = 4


def run(plan: Plan) -> Outcome:
    """Four brokers of 10,000 topics each, that have other queues every time."""
    with populated(plan, "--snapshot-interval-millis", "1000") as scene:
        counts = [0] * _SENDERS
        stop = time.monotonic() + plan.storm_seconds
        threads = [
            threading.Thread(target=_register, args=(scene, counts, number, stop))
            for number in range(_SENDERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ended = time.monotonic()
        demand(all(counts), "a registration failed")
        what = (
            f"{sum(counts) / plan.storm_seconds:.0f} registrations a second of"
            f" {TOPICS:,} topics for {plan.storm_seconds:.0f} s; longest wait for a"
            f" lookup {scene.watcher.longest_wait * 1000:.0f} ms"
        )
        return scene.outcome(FAULT, what, ended)


def _register(scene: Scene, counts: list[int], number: int, stop: float) -> None:
    broker = Broker(f"198.51.100.{number}:1", f"storming-{number}")
    topics = [f"storm-{topic:05}" for topic in range(TOPICS)]
    frames = [
        # A DataVersion that differs from the last one makes every topic count.
        broker.registration(dict.fromkeys(topics, queues)).replace(
            b'"counter": 1', b'"counter": %d' % queues
        )
        for queues in (3, 4)
    ]
    with scene.server.peer() as peer:
        while time.monotonic() < stop:
            if peer.ask(frames[counts[number] % 2]).code != 0:
                counts[number] = 0
                return
            counts[number] += 1

"""Large registrations, of which each changes everything, without a pause."""

import time
from concurrent.futures import ThreadPoolExecutor

from namesrv.testing.peer import Broker, data_version
from tests.chaos.outcome import Outcome
from tests.chaos.trial import Plan, Trial, demand, populated

FAULT = "registration storm"
TOPICS = 10_000
_SENDERS = 4


def run(plan: Plan) -> Outcome:
    """Four brokers of 10,000 topics each, that have other queues every time."""
    with populated(plan, "--snapshot-interval-millis", "1000") as trial:
        stop = time.monotonic() + plan.storm_seconds
        with ThreadPoolExecutor(_SENDERS) as pool:
            senders = [pool.submit(_register, trial, n, stop) for n in range(_SENDERS)]
        counts = [sender.result() for sender in senders]
        ended = time.monotonic()
        demand(all(counts), "somebody could not register")
        what = (
            f"{sum(counts) / plan.storm_seconds:.0f} registrations a second of"
            f" {TOPICS:,} topics for {plan.storm_seconds:.0f} s; longest wait for a"
            f" lookup {trial.watcher.longest_wait * 1000:.0f} ms"
        )
        return trial.outcome(FAULT, what, ended)


def _register(trial: Trial, number: int, stop: float) -> int:
    """How often a broker registered. Raises Broken when it was refused."""
    count = 0
    broker = Broker(f"storming-{number}", addr=f"198.51.100.{number}:1")
    topics = [f"storm-{topic:05}" for topic in range(TOPICS)]
    frames = [
        # A DataVersion that differs from the last one makes every topic count.
        broker.registration(dict.fromkeys(topics, queues), version=data_version(queues))
        for queues in (3, 4)
    ]
    with trial.server.peer() as peer:
        while time.monotonic() < stop:
            answer = peer.ask(frames[count % 2])
            demand(answer.code == 0, f"a registration was refused: {answer.remark}")
            count += 1
    return count

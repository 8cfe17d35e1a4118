"""SIGSTOP for longer than the brokers' timeout, then SIGCONT; two brokers die."""

import signal
import time

from namesrv.testing.peer import wait_until
from tests.chaos.outcome import Outcome
from tests.chaos.trial import BROKERS, TIMEOUT_MILLIS, Plan, Trial, demand
from tests.server.fleet import brokers
from tests.server.watcher import broker_names

FAULT = "SIGSTOP, then SIGCONT"


def run(plan: Plan) -> Outcome:
    """A third of the brokers gives up after a second, and reconnects meanwhile."""
    stall_seconds = TIMEOUT_MILLIS / 1000 + 1
    impatient = [broker.name for broker in brokers(BROKERS)[::3]]
    with Trial(plan, "--scan-not-active-broker-interval", "100") as trial:
        trial.start()
        trial.people(impatient=impatient)
        trial.watcher.seconds_until_good(time.monotonic())
        dead = {trial.fleet.crew[1].name, trial.fleet.crew[2].name}
        trial.server.process.send_signal(signal.SIGSTOP)
        trial.fleet.silence(trial.fleet.crew[1].name)
        trial.fleet.sink(trial.fleet.crew[2].name)
        time.sleep(stall_seconds)
        trial.server.process.send_signal(signal.SIGCONT)
        ended = time.monotonic()
        with trial.server.peer() as peer:
            wait_until(lambda: not dead & broker_names(peer))
        gone_after = time.monotonic() - ended
        demand("process stood still" in trial.server.log(), "the stall was not noticed")
        what = (
            f"stopped for {stall_seconds:.0f} s, over a timeout of"
            f" {TIMEOUT_MILLIS // 1000} s; {trial.fleet.reconnects} reconnects; two"
            f" brokers that died meanwhile were gone {gone_after:.1f} s later"
        )
        return trial.outcome(FAULT, what, ended, expired=1)

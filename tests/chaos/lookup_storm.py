"""One core full of lookups, from the compiled generator of the benchmarks."""

import json
import os
import subprocess
import time
from pathlib import Path

from bench.driver.client import OPAQUE, Client
from bench.driver.fetch import FetchFailed, build_generators
from bench.driver.frame_file import write_frames
from bench.driver.places import CACHE, cores
from namesrv.testing.peer import Broker, lookup
from tests.chaos.outcome import Outcome
from tests.chaos.trial import Broken, Plan, demand, populated

FAULT = "lookup storm"
_CONNECTIONS, _PIPELINE = 100, 64
_DAY_MILLIS = 86_400_000
_TOPICS = [f"looked-up-{number:03}" for number in range(200)]
_PATIENCE_SECONDS = 30.0


def run(plan: Plan) -> Outcome:
    """The generator compares every answer, and ends at the first that is wrong."""
    try:
        build_generators()
    except FetchFailed as failure:
        raise Broken(str(failure)) from None
    # The lone broker says nothing more, and its connection is to stay.
    with populated(plan, "--server-channel-max-idle-time-seconds", "0") as trial:
        alone = Broker("alone", addr="198.51.100.1:1", timeout_millis=_DAY_MILLIS)
        registration = alone.registration(dict.fromkeys(_TOPICS, 8))
        demand(trial.peer().ask(registration).code == 0, "a broker was refused")
        frames = plan.folder / "lookups.frames"
        _write_lookups(frames, trial.address[1])
        server_core, driver_core = cores()
        os.sched_setaffinity(trial.server.process.pid, [server_core])
        words = ["taskset", "-c", str(driver_core)]
        words += [str(CACHE / "load"), "--port", str(trial.address[1])]
        words += ["--requests", str(frames), "--connections", str(_CONNECTIONS)]
        words += ["--pipeline", str(_PIPELINE), "--seconds", str(plan.storm_seconds)]
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            timeout=plan.storm_seconds + _PATIENCE_SECONDS,
        )
        ended = time.monotonic()
        figures = json.loads(done.stdout)
        demand(not figures["failure"], f"a lookup failed: {figures['failure']}")
        demand(done.returncode == 0, f"the generator failed: {done.stderr}")
        count = int(figures["requests"])
        what = (
            f"{_CONNECTIONS * _PIPELINE:,} lookups always under way for"
            f" {plan.storm_seconds:.0f} s, {count / plan.storm_seconds:,.0f} answered a"
            f" second; {len(trial.fleet.crew)} brokers beat on (timeout"
            f" {trial.fleet.crew[0].timeout_millis} ms); longest wait for a lookup"
            f" {trial.watcher.longest_wait * 1000:.0f} ms"
        )
        outcome = trial.outcome(FAULT, what, ended)
        return outcome._replace(lookups=outcome.lookups + count)


def _write_lookups(path: Path, port: int) -> None:
    """What the topics of the lone broker are answered with."""
    with Client(port) as client:
        pairs = []
        for topic in _TOPICS:
            frame = lookup(topic, OPAQUE)
            pairs.append((frame, client.ask_for(0, frame).frame))
    write_frames(path, pairs)

"""kill -9 while files are being written: they are whole, and the next start is warm."""

import json
import random
import signal
import threading
import time
from pathlib import Path

from namesrv.testing.peer import Broker, Peer, data_version, put_kv, wait_until
from tests.chaos.outcome import Outcome
from tests.chaos.trial import Plan, Trial, demand

FAULT = "kill -9 during writes"
TOPICS = 3000
_LONGEST_LIFE_SECONDS = 0.6
_KV_FILE, _SNAPSHOT_FILE = "kvConfig.json", "routes.snapshot"


class Writing:
    """Changes a broker's topics and a key without a pause, so that files are written.

    `confirmed` is the last value of the key that was answered with success.
    """

    def __init__(self, trial: Trial) -> None:
        self.confirmed = 0
        self._scene = trial
        self._wanted = True
        broker = Broker("writing", addr="198.51.100.1:1")
        topics = [f"written-{number:04}" for number in range(TOPICS)]
        # The same DataVersion would change nothing.
        self._frames = [
            broker.registration(
                dict.fromkeys(topics, 3 + counter % 2), version=data_version(counter)
            )
            for counter in range(10)
        ]
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._wanted = False
        self._thread.join()

    def _run(self) -> None:
        while self._wanted:
            try:
                with Peer(self._scene.address) as peer:
                    self._write(peer)
            except OSError:
                time.sleep(0.01)

    def _write(self, peer: Peer) -> None:
        value = self.confirmed
        while self._wanted:
            value += 1
            answer = peer.ask(put_kv("chaos", "value", str(value)))
            if answer.code == 0:
                self.confirmed = value
            peer.ask(self._frames[value % 10])
            time.sleep(0.002)


def run(plan: Plan) -> Outcome:
    """Kill it again and again, at random instants and in the middle of a write."""
    chance = random.Random(5)
    during = 0
    longest = 0.0
    with Trial(plan, "--snapshot-interval-millis", "100") as trial:
        trial.start()
        trial.people(forgives_ends=True)
        data_dir = trial.server.data_dir
        writing = Writing(trial)
        writing.start()
        try:
            wait_until(lambda: _snapshot_names_everybody(data_dir, trial))
            for number in range(plan.kills):
                time.sleep(chance.uniform(0, _LONGEST_LIFE_SECONDS))
                if number % 2:
                    wait_until(lambda: _is_being_written(data_dir))
                trial.server.process.send_signal(signal.SIGKILL)
                trial.server.process.wait()
                killed = time.monotonic()
                during += _is_being_written(data_dir)
                confirmed = writing.confirmed
                _check_kv_file(data_dir, confirmed)
                trial.start()
                longest = max(longest, trial.watcher.seconds_until_good(killed))
                _check_start(trial)
        finally:
            writing.stop()
        what = (
            f"killed {plan.kills} times, {during} of them within a write; every start"
            " was warm, every file whole"
        )
        return trial.outcome(FAULT, what)._replace(recovered_after=longest)


def _snapshot_names_everybody(data_dir: Path, trial: Trial) -> bool:
    path = data_dir / _SNAPSHOT_FILE
    data = path.read_bytes() if path.exists() else b""
    return all(name.encode() in data for name in trial.fleet.names)


def _is_being_written(data_dir: Path) -> bool:
    names = (_KV_FILE, _SNAPSHOT_FILE)
    return any((data_dir / f"{name}.tmp").exists() for name in names)


def _check_kv_file(data_dir: Path, confirmed: int) -> None:
    path = data_dir / _KV_FILE
    if not path.exists():
        demand(not confirmed, f"{_KV_FILE} is not there")
        return
    table = json.loads(path.read_text())["configTable"]
    value = int(table["chaos"]["value"])
    demand(
        value >= confirmed,
        f"{_KV_FILE} has value {value}, and {confirmed} was confirmed",
    )


def _check_start(trial: Trial) -> None:
    log = trial.server.log()
    demand("snapshot not used" not in log, "a snapshot was damaged")
    demand(
        not list(trial.server.data_dir.glob("*.unusable")), "a snapshot was set aside"
    )
    demand("start warm" in trial.server.boot_line, "a start was cold")

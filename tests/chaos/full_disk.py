"""The disk of the data directory is full: what cannot be kept is refused."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from resource import RLIMIT_FSIZE, prlimit
from signal import SIGKILL

from namesrv.testing.peer import Broker, get_kv, put_kv, wait_until
from tests.chaos.outcome import Outcome
from tests.chaos.trial import Plan, Trial, demand

FAULT = "disk full"
_TMPFS_BYTES = 1 << 20
_VALUE = "x" * 20_000
_TOPICS = {f"{number}".rjust(4000, "t"): 1 for number in range(8)}
"""Names that make the file of routes longer by more than the rest of the disk."""


def run(plan: Plan) -> Outcome:
    """On a small tmpfs where one may be mounted, else with a limit on file sizes."""
    folder = plan.folder / "disk"
    folder.mkdir()
    with _tmpfs(folder / "data") as is_mounted:
        with Trial(plan, "--snapshot-interval-millis", "100", folder=folder) as trial:
            trial.start()
            trial.people(forgives_ends=True)
            how = "a tmpfs of 1 MiB" if is_mounted else "RLIMIT_FSIZE"
            fill = _Filler(trial.server.data_dir) if is_mounted else _Limit(trial)
            return _run(trial, fill, how)


def _run(trial: Trial, full: "_Filler | _Limit", how: str) -> Outcome:
    snapshot = trial.server.data_dir / "routes.snapshot"
    peer = trial.peer()
    demand(peer.ask(put_kv("n", "k", "before")).code == 0, "a change was refused")
    wait_until(lambda: _has(snapshot, trial.fleet.crew[-1].name))
    full.begin()
    refused = peer.ask(put_kv("n", "k", _VALUE))
    demand(refused.code == 1, "a change that could not be kept was not refused")
    kept = peer.ask(get_kv("n", "k")).ext_fields
    demand(kept == {"value": "before"}, "a refused change was made")
    late = Broker("late", addr="198.51.100.1:1")
    demand(peer.ask(late.registration(_TOPICS)).code == 0, "not registered")
    trial.server.wait_for_log("the routes could not be saved")
    demand(_has(snapshot, trial.fleet.crew[-1].name), "the old snapshot is gone")
    trial.server.process.send_signal(SIGKILL)
    trial.server.process.wait()
    trial.start()
    full.begin()
    demand("start warm" in trial.server.boot_line, "the start was cold")
    peer = trial.peer()
    demand(peer.ask(put_kv("n", "k", _VALUE)).code == 1, "not refused after the start")
    peer.ask(late.registration(_TOPICS))
    full.end()
    ended = time.monotonic()
    wait_until(lambda: peer.ask(put_kv("n", "k", _VALUE)).code == 0)
    wait_until(lambda: _has(snapshot, "7".rjust(4000, "t")))
    saved_after = time.monotonic() - ended
    reason = (refused.remark or "").rpartition(": ")[2]
    what = (
        f"{how}: changes refused with code 1 ({reason}), routes served;"
        " killed and started warm meanwhile; saved again"
        f" {saved_after:.1f} s after there was room"
    )
    return trial.outcome(FAULT, what, ended)


class _Filler:
    """Fills the rest of the file system with one file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "filler"

    def begin(self) -> None:
        with open(self._path, "ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def end(self) -> None:
        self._path.unlink()


class _Limit:
    """Lets no file of the server grow beyond some bytes."""

    def __init__(self, trial: Trial) -> None:
        self._scene = trial

    def begin(self) -> None:
        self._set(2048)

    def end(self) -> None:
        self._set(-1)

    def _set(self, size: int) -> None:
        pid = self._scene.server.process.pid
        _, hard = prlimit(pid, RLIMIT_FSIZE)
        prlimit(pid, RLIMIT_FSIZE, (size if size >= 0 else hard, hard))


@contextmanager
def _tmpfs(folder: Path) -> Iterator[bool]:
    """Mount a small file system there; whether that was permitted."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={_TMPFS_BYTES}", "chaos", str(folder)]
    is_mounted = _succeeds(lambda: subprocess.run(words, capture_output=True))
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", str(folder)], check=True)


def _succeeds(call: Callable[[], "subprocess.CompletedProcess[bytes]"]) -> bool:
    try:
        return call().returncode == 0
    except OSError:
        return False


def _has(path: Path, name: str) -> bool:
    return path.exists() and name.encode() in path.read_bytes()

"""One child process: its log, its signals, its end."""

import atexit
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

STOP_SECONDS = 20.0
LOG_TAIL_CHARACTERS = 3000

_running: set["Process"] = set()


class PeerFailed(Exception):
    """A peer ended by itself, or did not say in time that it is up."""


class Process:
    """A command in its own home directory; its output goes to `home/console.log`.

    Every process is killed, by its own pid, when this interpreter ends.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        home: Path,
        environment: Mapping[str, str] | None = None,
        working_directory: Path | None = None,
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.home = home
        self.log = home / "console.log"
        self._environment = {**os.environ, **(environment or {})}
        self._working_directory = working_directory or home
        self._child: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._child = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._working_directory,
                env=self._environment,
            )
        _running.add(self)

    def output(self) -> str:
        """What this run of the process has printed so far."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def wait_for(self, pattern: str, seconds: float) -> re.Match[str]:
        """The first match of `pattern` in the output; raises PeerFailed."""
        deadline = time.monotonic() + seconds
        while True:
            ended = not self.is_running
            if match := re.search(pattern, self.output()):
                return match
            if ended:
                raise PeerFailed(f"{self.name} ended by itself: {self._tail()}")
            if time.monotonic() > deadline:
                raise PeerFailed(
                    f"{self.name} did not print {pattern!r}"
                    f" within {seconds:.0f} s: {self._tail()}"
                )
            time.sleep(0.05)

    def freeze(self) -> None:
        """SIGSTOP: silent, but its connections stay open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def terminate(self) -> None:
        """Ask it to end; `stop` waits for that."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
        _running.discard(self)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for what does not listen."""
        self.terminate()
        if self._child is not None:
            try:
                self._child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def _tail(self) -> str:
        return self.output()[-LOG_TAIL_CHARACTERS:] or "(it printed nothing)"


@atexit.register
def _kill_what_is_left() -> None:
    for process in list(_running):
        process.kill()

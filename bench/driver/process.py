"""One server process, pinned to the servers' core: its memory, CPU time and end."""

import atexit
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.driver.client import HOST, AskFailed, Client
from bench.driver.places import cores

LOWEST_PORT, HIGHEST_PORT = 20_000, 32_000
"""Below the range that the kernel hands out by itself."""
STOP_SECONDS = 10.0
_POLL_SECONDS = 0.002
_LOG_TAIL_CHARACTERS = 600

_running: set["ServerProcess"] = set()
_last_port = LOWEST_PORT + os.getpid() % 8000


_TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port of loopback that nobody listens on; never the same twice."""
    global _last_port
    while True:
        _last_port = max(LOWEST_PORT, (_last_port + 1) % HIGHEST_PORT)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, _last_port))
            except OSError:
                continue
        return _last_port


def _environment() -> dict[str, str]:
    """That of the bench. An installed server has its bytecode, so Python may keep it
    here, too: to compile takes most of a start, and memory."""
    given = dict(os.environ)
    given.pop("PYTHONDONTWRITEBYTECODE", None)
    return given


class ServerFailed(Exception):
    """A server did not start or ended by itself; the message is one sentence."""


class ServerProcess:
    """A command on the servers' core; its output goes to `home/console.log`.

    Every process is killed, by its own pid, when this interpreter ends.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        home: Path,
        port: int,
        environment: Mapping[str, str],
    ) -> None:
        self.name = name
        self.port = port
        self.started = time.monotonic()
        self._log = home / "console.log"
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(
                ["taskset", "-c", str(cores()[0]), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=home,
                env={**_environment(), **environment},
            )
        _running.add(self)

    @property
    def pid(self) -> int:
        """Its process id, which `taskset` leaves alone."""
        return self._child.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._child.poll() is None

    def wait_for_answer(self, frame: bytes, seconds: float) -> float:
        """Seconds from start to the first answer to `frame`. Raises ServerFailed."""
        while time.monotonic() - self.started < seconds:
            if not self.is_running:
                break
            try:
                with Client(self.port, seconds) as client:
                    client.exchange(frame)
                return time.monotonic() - self.started
            except (OSError, AskFailed):
                time.sleep(_POLL_SECONDS)
        raise ServerFailed(
            f"{self.name} did not answer within {seconds:.0f} s: {self.log_tail()}"
        )

    def rss_kib(self) -> int:
        """Resident memory now."""
        return self._status("VmRSS")

    def peak_rss_kib(self) -> int:
        """Most resident memory so far."""
        return self._status("VmHWM")

    def cpu_seconds(self) -> float:
        """The processor time that it has used, in ticks of the system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def freeze(self) -> None:
        """SIGSTOP: it takes no time from the one that is measured."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for what does not listen."""
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        try:
            self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        self.kill()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._child.kill()
        self._child.wait()
        _running.discard(self)

    def log_tail(self) -> str:
        """The end of what it printed."""
        text = self._log.read_text(errors="replace")[-_LOG_TAIL_CHARACTERS:]
        return text.strip() or "it printed nothing"

    def _status(self, name: str) -> int:
        text = Path(f"/proc/{self.pid}/status").read_text()
        kibibytes = re.search(rf"{name}:\s+(\d+) kB", text)
        if kibibytes is None:
            raise ServerFailed(f"{self.name} has ended: {self.log_tail()}")
        return int(kibibytes[1])

    def _signal(self, number: signal.Signals) -> None:
        if self.is_running:
            self._child.send_signal(number)


@atexit.register
def _kill_what_is_left() -> None:
    for process in list(_running):
        process.kill()

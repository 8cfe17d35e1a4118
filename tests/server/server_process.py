"""A whole server as a process of its own, as `python -m namesrv` starts it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from namesrv.testing.peer import WAIT_SECONDS, Address, Peer, wait_until

_ADDRESS = re.compile(r"(?:\[([0-9a-f:]+)\]|([0-9.]+)):([0-9]+)")

_LIMITED = """
import os, resource, sys
number, value = map(int, sys.argv[1:3])
resource.setrlimit(number, (value, value))
os.execv(sys.argv[3], sys.argv[3:])
"""


class ServerProcess:
    """A server that listens on port 0 of 127.0.0.1 unless the words say otherwise.

    Its log goes to `log_file`. `limit` is one of `resource` and its value. Coverage is
    not measured where `is_plain` says so: it has files and memory of its own.
    `environment` comes on top of ours.
    """

    def __init__(
        self,
        folder: Path,
        *words: str,
        limit: tuple[int, int] | None = None,
        is_plain: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.log_file = folder / "log.txt"
        self.data_dir = folder / "data"
        command = [sys.executable, "-m", "namesrv", "--bind", "127.0.0.1"]
        command += ["--port", "0", "--data-dir", str(self.data_dir), *words]
        if limit is not None:
            number, value = map(str, limit)
            command = [sys.executable, "-c", _LIMITED, number, value, *command]
        environ = {**os.environ, **(environment or {})}
        if is_plain:
            environ.pop("COVERAGE_PROCESS_CONFIG", None)
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env=environ
            )
        self.addresses: list[Address] = []
        self.boot_line = ""

    def __enter__(self) -> Self:
        assert self.process.stdout is not None
        line = ""
        while not line.startswith("The Name Server boot success."):
            line = self.process.stdout.readline()
            assert line, self.log()
        self.boot_line = line
        for v6, v4, port in _ADDRESS.findall(line):
            self.addresses.append((v6 or v4, int(port)))
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    @property
    def address(self) -> Address:
        """The first address that it listens on."""
        return self.addresses[0]

    def peer(self, wait_seconds: float = WAIT_SECONDS) -> Peer:
        """A new connection to it."""
        return Peer(self.address, wait_seconds)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; the exit code, and the seconds until it came."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(WAIT_SECONDS)
        return code, time.monotonic() - began

    def log(self) -> str:
        """What it has logged so far."""
        return self.log_file.read_text(encoding="utf-8", errors="backslashreplace")

    def rss_mib(self) -> float:
        """Resident memory."""
        return self._memory_mib("VmRSS")

    def peak_mib(self) -> float:
        """The most resident memory that it ever had."""
        return self._memory_mib("VmHWM")

    def _memory_mib(self, name: str) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        kibibytes = re.search(rf"{name}:\s+(\d+) kB", status)
        assert kibibytes is not None
        return int(kibibytes[1]) / 1024

    def cpu_seconds(self) -> float:
        """User and system time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    def open_files(self) -> int:
        """How many descriptors it holds."""
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())

    def wait_for_log(self, text: str, after: int = 0) -> str:
        """The log from character `after` on, as soon as a whole line of it has `text`.

        Lines leave the server in order: those before that line are there as well.
        """
        wait_until(
            lambda: text in _whole_lines(self.log()[after:]),
            lambda: f"{text!r} is not in the log, which ends with {self.log()[-4096:]}",
        )
        return self.log()[after:]


def _whole_lines(log: str) -> str:
    """Without the line that is being written."""
    return log[: log.rfind("\n") + 1]

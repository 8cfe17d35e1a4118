"""A whole server as a process of its own, as `python -m namesrv` starts it."""

import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from tests.server.peer import WAIT_SECONDS, Address, Peer, wait_until

_ADDRESS = re.compile(r"(?:\[([0-9a-f:]+)\]|([0-9.]+)):([0-9]+)")


class ServerProcess:
    """A server that listens on port 0 of 127.0.0.1 unless the words say otherwise.

    Its log goes to `log_file`; `limits` are set in the process before it starts.
    """

    def __init__(
        self, folder: Path, *words: str, limits: dict[int, int] | None = None
    ) -> None:
        self.log_file = folder / "log.txt"
        self.data_dir = folder / "data"

        def set_limits() -> None:
            for number, limit in (limits or {}).items():
                resource.setrlimit(number, (limit, limit))

        command = [sys.executable, "-m", "namesrv", "--bind", "127.0.0.1"]
        command += ["--port", "0", "--data-dir", str(self.data_dir), *words]
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                preexec_fn=set_limits if limits else None,
            )
        self.addresses: list[Address] = []

    def __enter__(self) -> Self:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("The Name Server boot success."), self.log()
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
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        kibibytes = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert kibibytes is not None
        return int(kibibytes[1]) / 1024

    def open_files(self) -> int:
        """How many descriptors it holds."""
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())

    def wait_for_log(self, text: str) -> None:
        """Return when the log has `text`, which it must have in the end."""
        wait_until(lambda: text in self.log())

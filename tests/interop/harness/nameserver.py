"""The server under test, and Java's beside it."""

import os
import ssl
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Protocol

from harness.fetch import CHECKOUT, JAVA_5, Peers
from harness.java import NAMESRV_MAIN, java_command
from harness.ports import free_port
from harness.process import PeerFailed, Process

HOST = "127.0.0.1"
START_SECONDS = 60.0
BOOT_LINE = r"The Name Server boot success\..*address ([^,\s]+)"

# `INTEROP_SERVER=java` puts a second Java server into our server's place. That
# run must find no difference: it is the test of the comparison itself.
SERVER_UNDER_TEST = os.environ.get("INTEROP_SERVER", "ours")


class Addressed(Protocol):
    """A name server, or what stands in front of one."""

    @property
    def address(self) -> str: ...


class NameServer(ABC):
    """A name server process on loopback; a restart takes the same port again.

    `tls` is what we connect with; None for a plain connection.
    """

    def __init__(self, name: str, home: Path, properties: dict[str, str]) -> None:
        self.tls: ssl.SSLContext | None = None
        self.name = name
        self.home = home
        self.port = free_port()
        self._properties = properties
        self._config = home / "namesrv.conf"
        self._process = Process(
            name, self._argv(), home, self._environment(), self._working_directory()
        )

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def kv_config(self) -> Path:
        """The file in which the server keeps its key-value table."""
        return self.home / "kvConfig.json"

    def begin_start(self) -> None:
        """Start the process; `finish_start` waits for it (several in parallel)."""
        settings = {
            "listenPort": str(self.port),
            "bindAddress": HOST,
            "rocketmqHome": str(self.home),
            **self._files(),
            **self._properties,
        }
        lines = [f"{key}={value}\n" for key, value in settings.items()]
        self._config.write_text("".join(lines))
        self._process.start()

    def finish_start(self) -> None:
        boot = self._process.wait_for(BOOT_LINE, START_SECONDS)
        if boot.group(1) != self.address:
            raise PeerFailed(f"{self.name} listens on {boot.group(1)}: {boot.group()}")

    def start(self) -> None:
        self.begin_start()
        self.finish_start()

    def kill(self) -> None:
        self._process.kill()

    def stop(self) -> None:
        self._process.stop()

    def wait_for_output(self, pattern: str) -> None:
        """Until it has printed something that matches; raises PeerFailed."""
        self._process.wait_for(pattern, START_SECONDS)

    @abstractmethod
    def _argv(self) -> list[str]:
        """The command that starts it."""

    def _files(self) -> dict[str, str]:
        return {}

    def _environment(self) -> dict[str, str]:
        return {}

    def _working_directory(self) -> Path:
        return self.home


class JavaNameServer(NameServer):
    """Java's NameServer 5.3.3."""

    def __init__(
        self, name: str, home: Path, properties: dict[str, str], peers: Peers
    ) -> None:
        self._peers = peers
        super().__init__(name, home, properties)

    def _argv(self) -> list[str]:
        # With Java they are no keys of the file.
        tls = {k: v for k, v in self._properties.items() if k.startswith("tls.")}
        command = java_command(
            self._peers, JAVA_5, NAMESRV_MAIN, self.home, properties=tls
        )
        return [*command, "-c", str(self._config)]

    def _files(self) -> dict[str, str]:
        return {"kvConfigPath": str(self.kv_config)}


class OurNameServer(NameServer):
    """`python -m namesrv` of this checkout."""

    @property
    def kv_config(self) -> Path:
        return self.home / "data" / "kvConfig.json"

    def _argv(self) -> list[str]:
        module = [sys.executable, "-m", "namesrv"]
        data = str(self.kv_config.parent)
        return [*module, "-c", str(self._config), "--data-dir", data]

    def _environment(self) -> dict[str, str]:
        return {"PYTHONUNBUFFERED": "1"}

    def _working_directory(self) -> Path:
        return CHECKOUT


def server_under_test(
    name: str, home: Path, properties: dict[str, str], peers: Peers
) -> NameServer:
    if SERVER_UNDER_TEST == "java":
        return JavaNameServer(name, home, properties, peers)
    if SERVER_UNDER_TEST == "ours":
        return OurNameServer(name, home, properties)
    raise ValueError(f"INTEROP_SERVER={SERVER_UNDER_TEST}: expected `ours` or `java`")

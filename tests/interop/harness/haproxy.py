"""A real HAProxy in front of a name server: PROXY headers, and TLS that it adds."""

import socket
from dataclasses import dataclass
from pathlib import Path

from harness.fetch import Peers
from harness.nameserver import HOST, NameServer
from harness.ports import free_port
from harness.process import Process
from harness.waiting import until

START_SECONDS = 20.0

# What each front does with a connection, in the words of HAProxy's configuration.
FRONTS = {
    "v1": "send-proxy",
    "v2": "send-proxy-v2",
    "v2-and-tls": "send-proxy-v2 ssl verify none",
}
CONFIGURATION = """\
defaults
  mode tcp
  timeout connect 5s
  timeout client 120s
  timeout server 120s
"""
FRONT = """\
listen {name}
  bind {front}
  server namesrv {server} {words}
"""


@dataclass(frozen=True)
class Front:
    """A port of HAProxy."""

    port: int

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"


class Haproxy:
    """Passes TLS through (`v1`, `v2`), or speaks it for clients that do not."""

    def __init__(self, server: NameServer, home: Path, peers: Peers) -> None:
        self.fronts = {name: Front(free_port()) for name in FRONTS}
        self._config = home / "haproxy.cfg"
        text = CONFIGURATION
        for name, words in FRONTS.items():
            front = self.fronts[name].address
            text += FRONT.format(
                name=name, front=front, server=server.address, words=words
            )
        self._config.write_text(text)
        command = [peers.haproxy, "-db", "-f", str(self._config)]
        self.process = Process("haproxy", command, home)

    def start(self) -> None:
        """Start it and wait until it listens."""
        self.process.start()
        until(self._listens, START_SECONDS, lambda: self.process.output())

    def _listens(self) -> bool:
        for front in self.fronts.values():
            with socket.socket() as probe:
                if probe.connect_ex((HOST, front.port)):
                    return False
        return True

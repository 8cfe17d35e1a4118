"""A server among hostile peers, and its state after they have gone."""

import os
import socket
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from namesrv.testing.peer import Broker, Peer, get_kv, lookup, put_kv, wait_until
from tests.server.server_process import ServerProcess

GIVES_BACK = dict.fromkeys(
    ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(128 << 10)
)
"""Settings of glibc: what is larger is given back when it is freed, and so is the top
of the heap. By itself glibc raises both thresholds with the largest block that was ever
freed, and then one small block that is still in use keeps all below it, as in one of 75
sieges. What the server holds would not be seen beside that."""

SLACK_MIB = 500.0 if "libasan" in os.environ.get("LD_PRELOAD", "") else 40.0
"""Memory that the process may keep of what it needed for a while: Python's small
objects hold on to an arena of 1 MiB as long as one of them is in use. The allocator of
AddressSanitizer gives back when it likes."""

_NO_ROUTE = 17


def send_what_is_taken(peer: Peer, *frames: bytes) -> None:
    """Send, whether or not the server closes it meanwhile: a connection that is closed
    before all of its input is read is reset."""
    with suppress(ConnectionError):
        peer.send(*frames)


class AttackedServer:
    """Measures the server before, and looks at it after; a witness stays all along.

    `slack_mib` is how much more memory it may have in the end.
    """

    def __init__(self, server: ServerProcess, slack_mib: float = SLACK_MIB) -> None:
        self.server = server
        self._slack_mib = slack_mib
        self._peers: list[Peer] = []
        self.witness: Peer

    def __enter__(self) -> Self:
        self.witness = self.server.peer()
        self._use_server()
        self._files_before = self.server.open_files()
        self.before_mib = self.server.rss_mib()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for peer in self._peers:
            peer.reset()
        try:
            if error is None:
                self._check()
        finally:
            self.witness.socket.close()

    def peer(self) -> Peer:
        """A new connection, which is reset at the end of the attack."""
        peer = self.server.peer()
        self._peers.append(peer)
        return peer

    def deaf_peer(self) -> Peer:
        """A new connection whose system takes little before it is read."""
        peer = self.peer()
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        return peer

    def ask_witness(self) -> float:
        """Whether others are served meanwhile; the seconds that it took."""
        began = time.monotonic()
        assert self.witness.ask(lookup("nobody-has-it")).code == _NO_ROUTE
        return time.monotonic() - began

    def _check(self) -> None:
        server = self.server
        assert server.process.poll() is None
        wait_until(lambda: server.open_files() <= self._files_before)
        self._use_server()
        figures = (
            f"RSS before {self.before_mib:.0f}, peak {server.peak_mib():.0f},"
            f" after {server.rss_mib():.0f} MiB"
        )
        print(figures)
        assert server.rss_mib() <= self.before_mib + self._slack_mib, figures
        assert_log_is_clean(server)

    def _use_server(self) -> None:
        """A bit of everything, on the witness's connection and on a new one."""
        with self.server.peer() as peer:
            for asking in (self.witness, peer):
                broker = Broker("broker-of-the-witness", addr="127.0.0.1:10911")
                assert asking.ask(broker.registration({"seen": 4, "also": 4})).code == 0
                assert asking.ask(lookup("seen")).code == 0
                assert asking.ask(lookup("nobody-has-it")).code == _NO_ROUTE
            assert peer.ask(put_kv("witness", "key", "value")).code == 0
            assert peer.ask(get_kv("witness", "key")).ext_fields == {"value": "value"}


def assert_log_is_clean(server: ServerProcess) -> None:
    """No mistake of ours, no control character, not more lines than peers may cause."""
    log = server.log()
    assert "Traceback" not in log
    assert "internal error" not in log
    lines = log.split("\n")
    assert all(line.isprintable() for line in lines)
    assert all(len(line) < 4096 for line in lines)

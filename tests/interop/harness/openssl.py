"""OpenSSL's own client, `openssl s_client`."""

import subprocess
from typing import Self

from harness.fetch import Peers
from harness.nameserver import HOST, NameServer
from namesrv.testing.peer import Answer, Request


class OpensslClient:
    """One connection; `words` are more flags of s_client."""

    def __init__(self, server: NameServer, peers: Peers, *words: str) -> None:
        command = [peers.openssl, "s_client", "-quiet", "-no_ign_eof", *words]
        self._child = subprocess.Popen(
            [*command, "-connect", f"{HOST}:{server.port}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self._child.kill()
        self._child.communicate()

    def ask(self, request: Request, opaque: int = 7) -> Answer:
        """Raises ConnectionError if it ends first."""
        assert self._child.stdin is not None
        self._child.stdin.write(request.frame(opaque))
        self._child.stdin.flush()
        start = self._read(4)
        return Answer(start + self._read(int.from_bytes(start)))

    def end(self) -> str:
        """Its end, by close_notify; what it complained about."""
        _, complaints = self._child.communicate()
        return complaints.decode()

    def _read(self, count: int) -> bytes:
        assert self._child.stdout is not None
        data = self._child.stdout.read(count)
        if len(data) < count:
            raise ConnectionError("openssl s_client ended")
        return data

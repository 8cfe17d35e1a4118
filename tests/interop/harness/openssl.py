"""OpenSSL's own client, `openssl s_client`."""

import struct
import subprocess
from typing import Self

from harness.fetch import Peers
from harness.nameserver import HOST, NameServer
from harness.remoting import Answer, Request


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
        self._child.stdin.write(request.encode(opaque))
        self._child.stdin.flush()
        length, mark = struct.unpack(">ii", self._read(8))
        header_length = mark & 0xFFFFFF
        header = self._read(header_length)
        return Answer(mark >> 24, header, self._read(length - 4 - header_length))

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

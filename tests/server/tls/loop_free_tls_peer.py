"""A TLS connection to the loop-free server, with the client at the other end."""

import ssl

from namesrv.testing.peer import Answer, read_answers
from tests.server.loop_free_server import FAULT, LoopFreePeer, LoopFreeServer
from tests.server.tls.tls_peer import TlsClient, client_context


class LoopFreeTlsPeer(LoopFreePeer):
    """One TLS connection to the loop-free server, with the client at its other end."""

    def __init__(
        self, peer: LoopFreePeer, context: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(peer.protocol, peer.transport)
        self.client = TlsClient(context or client_context())
        self.plain = b""
        self._read_writes = 0

    def open(self, prefix: bytes = b"") -> "LoopFreeTlsPeer":
        """The whole handshake, after what comes in front of it."""
        to_send = prefix + self.client.start()
        while to_send:
            super().receive(to_send)
            to_send = self.read()
        assert self.client.is_open
        return self

    def receive(self, *frames: bytes) -> None:
        """One read, of encrypted frames."""
        super().receive(self.client.send(b"".join(frames)))

    def receive_raw(self, data: bytes) -> None:
        """One read, as it is."""
        super().receive(data)

    def read(self) -> bytes:
        """Decrypt what was written; what is to be said to that."""
        data = b"".join(self.transport.writes[self._read_writes :])
        self._read_writes = len(self.transport.writes)
        to_send, plain = self.client.receive(data)
        self.plain += plain
        return to_send

    def answers(self) -> list[Answer]:
        """All that was answered so far."""
        self.read()
        return read_answers(self.plain)


def accept(loop_free: LoopFreeServer, prefix: bytes = b"") -> LoopFreeTlsPeer:
    """A peer connects with TLS."""
    return LoopFreeTlsPeer(loop_free.accept()).open(prefix)


def faults(loop_free: LoopFreeServer) -> list[object]:
    """Why connections were closed."""
    return [
        line.fields["reason"] for line in loop_free.log.lines if line.event == FAULT
    ]

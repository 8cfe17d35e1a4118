"""A connection to a name server; its frames are those of the peer kit."""

import ssl
import struct

from namesrv.testing.peer import Answer, Peer, Request

ANSWER_SECONDS = 5.0


class Connection:
    """One TCP connection to a name server; requests are answered one at a time.

    `context` is for connections with TLS.
    """

    def __init__(
        self, host: str, port: int, context: ssl.SSLContext | None = None
    ) -> None:
        self._peer = Peer((host, port), ANSWER_SECONDS)
        self.own_port: int = self._peer.socket.getsockname()[1]
        if context is not None:
            self._peer.socket = context.wrap_socket(self._peer.socket)

    def ask(self, request: Request, opaque: int = 7) -> Answer:
        """Raises OSError if the server closes or does not answer within 5 s."""
        return self._peer.ask(request.frame(opaque))

    def send_nonsense(self) -> None:
        """A length over every limit: a name server closes the connection at once."""
        self._peer.send(struct.pack(">i", -1))
        assert self._peer.read_to_end() == b""

    def close(self) -> None:
        self._peer.close()

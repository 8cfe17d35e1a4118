"""One connection of a peer that is played: bytes out, frames in."""

import socket
import time
from typing import Final, Self

from namesrv.testing.peer import take_frame

PATIENCE_SECONDS: Final = 20
"""How long something that must come is waited for; only a failure takes as long."""
_PAUSE_SECONDS: Final = 0.001


class PeerClosed(Exception):
    """The server closed the connection."""


class Peer:
    """A client of the server, or a broker that the server called."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = bytearray()

    @classmethod
    def connect(cls, address: tuple[str, int]) -> Self:
        """A connection to the server at `address`."""
        return cls(socket.create_connection(address, PATIENCE_SECONDS))

    def send(self, data: bytes, piece_bytes: int = 0) -> None:
        """Send it, in pieces with a pause after each if `piece_bytes` says so."""
        try:
            if not piece_bytes:
                self._socket.sendall(data)
                return
            for start in range(0, len(data), piece_bytes):
                self._socket.sendall(data[start : start + piece_bytes])
                time.sleep(_PAUSE_SECONDS)
        except (BrokenPipeError, ConnectionResetError):
            # The server closed in the middle, which is what reading will find.
            pass

    def send_single_bytes(self, data: bytes) -> None:
        """Send it as fast as it goes, every byte by a write of its own."""
        for start in range(len(data)):
            self._socket.sendall(data[start : start + 1])

    def next_frame(self, seconds: float = PATIENCE_SECONDS) -> bytes | None:
        """The next whole frame; None if none came in time. Raises PeerClosed."""
        deadline = time.monotonic() + seconds
        while True:
            frame = take_frame(self._received)
            if frame is not None:
                return frame
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                return None
            except OSError:
                data = b""
            if not data:
                raise PeerClosed
            self._received += data

    def finish(self) -> None:
        """Send no more; what comes can still be read."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            # The server was faster with closing.
            pass

    def close(self) -> None:
        """Close it."""
        self._socket.close()

"""A blocking connection of a peer."""

import socket
import struct
import time
from collections.abc import Callable
from typing import Final, Self

from namesrv.testing.peer.answer import Answer
from namesrv.testing.peer.frame import take_frame

Address = tuple[str, int]

WAIT_SECONDS: Final = 30.0
"""How long a server that lives may take on a busy machine."""
_PAUSE_SECONDS: Final = 0.02
_READ_BYTES: Final = 1 << 18


def wait_until(
    is_so: Callable[[], object], found: Callable[[], str] = lambda: ""
) -> None:
    """Return when `is_so()` is true. Raises AssertionError after WAIT_SECONDS, with the
    text of `found()`.

    Pauses are counted, not time: a machine that stands still gives the server none.
    """
    for _ in range(int(WAIT_SECONDS / _PAUSE_SECONDS)):
        if is_so():
            return
        time.sleep(_PAUSE_SECONDS)
    assert is_so(), f"it never became so: {found()}"


class Peer:
    """A connection to a server; each wait ends after `wait_seconds`."""

    def __init__(self, address: Address, wait_seconds: float = WAIT_SECONDS) -> None:
        self.socket = socket.create_connection(address, wait_seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._input = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def send(self, *frames: bytes) -> None:
        """Send frames in one write."""
        self.socket.sendall(b"".join(frames))

    def ask(self, frame: bytes) -> Answer:
        """Send one request and wait for its answer. Raises OSError."""
        self.send(frame)
        return self.read_answer()

    def read_answer(self) -> Answer:
        """The next answer. Raises ConnectionError when the connection ends first."""
        while (data := take_frame(self._input)) is None:
            if not self._more():
                raise ConnectionError("the server closed the connection")
        return Answer(data)

    def read_answers(self, count: int) -> list[Answer]:
        """The next `count` answers."""
        return [self.read_answer() for _ in range(count)]

    def read_to_end(self) -> bytes:
        """All bytes that come until the server closes the connection."""
        while self._more():
            pass
        return bytes(self._input)

    def finish(self) -> None:
        """Send no more: FIN."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End with a RST, so that nothing of the connection lingers on either side."""
        if self.socket.fileno() < 0:
            return
        linger = struct.pack("ii", 1, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.socket.close()

    def close(self) -> None:
        """End the connection."""
        self.socket.close()

    def _more(self) -> bool:
        try:
            data = self.socket.recv(_READ_BYTES)
        except ConnectionResetError:
            return False
        self._input += data
        return bool(data)

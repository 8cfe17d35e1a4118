"""A blocking client of the benchmarks; its frames are those of the peer kit."""

import socket
from typing import Self

from namesrv.testing.peer import Answer, frame_parts, read_header, take_frame

HOST = "127.0.0.1"
OPAQUE = 1_000_000_000
"""The first of the ten-digit opaques that the load generators count on."""
_OPAQUE_NAME = b'"opaque":'
_READ_BYTES = 1 << 18


class AskFailed(Exception):
    """A server did not answer, or not as it must; the message is one sentence."""


def opaque_offset(frame: bytes) -> int:
    """Where the ten digits of the opaque begin. Raises AskFailed."""
    place = frame.find(b"%b%d" % (_OPAQUE_NAME, OPAQUE))
    if place < 0:
        raise AskFailed(f"there is no opaque {OPAQUE} in {frame[:200]!r}")
    return place + len(_OPAQUE_NAME)


class Client:
    """One blocking connection to a server on loopback."""

    def __init__(self, port: int, seconds: float = 30.0) -> None:
        self._socket = socket.create_connection((HOST, port), seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def exchange(self, frame: bytes) -> Answer:
        """Send a frame, return its answer. Raises AskFailed."""
        try:
            self._socket.sendall(frame)
            while (data := take_frame(self._received)) is None:
                piece = self._socket.recv(_READ_BYTES)
                if not piece:
                    raise ConnectionError("the server closed the connection")
                self._received += piece
            return Answer(data)
        except OSError as error:
            raise AskFailed(f"a request was not answered: {error}") from None

    def ask_for(self, code: int, frame: bytes) -> Answer:
        """Send a frame, return its answer. Raises AskFailed when that has another code
        or no JSON header."""
        answer = self.exchange(frame)
        if answer.serialize_type:
            raise AskFailed(
                f"an answer's header has type {answer.serialize_type}, expected 0"
            )
        if answer.code != code:
            serialize_type, header, _ = frame_parts(frame)
            raise AskFailed(
                f"request {read_header(serialize_type, header)['code']} was answered"
                f" with code {answer.code}, expected {code}: {answer.remark}"
            )
        return answer

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

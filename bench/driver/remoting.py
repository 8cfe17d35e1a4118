"""A tiny remoting client of the benchmarks; shares no code with `namesrv`."""

import json
import socket
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any, Self

HOST = "127.0.0.1"
VERSION = 479
OPAQUE = 1_000_000_000
"""The first of the ten-digit opaques that the load generators count on."""
_OPAQUE_NAME = b'"opaque":'
_PREFIX = struct.Struct(">II")

REGISTER_BROKER = 103
GET_ROUTE = 105
GET_CLUSTER_INFO = 106
BROKER_HEARTBEAT = 904


class AskFailed(Exception):
    """A server did not answer, or not as it must; the message is one sentence."""


@dataclass(frozen=True)
class Request:
    """A request as a Java 5.3.3 client or broker sends it."""

    code: int
    ext_fields: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def head(self) -> bytes:
        """The frame up to its body."""
        header = {
            "code": self.code,
            "extFields": self.ext_fields,
            "flag": 0,
            "language": "JAVA",
            "opaque": OPAQUE,
            "serializeTypeCurrentRPC": "JSON",
            "version": VERSION,
        }
        text = json.dumps(header, separators=(",", ":")).encode()
        return _PREFIX.pack(4 + len(text) + len(self.body), len(text)) + text

    def frame(self) -> bytes:
        """The whole frame."""
        return self.head() + self.body


def route_request(topic: str) -> Request:
    """A lookup."""
    return Request(GET_ROUTE, {"topic": topic})


def register_request(ext_fields: dict[str, str], body: bytes) -> Request:
    """A registration; the checksum of the body is added."""
    checksum = str(zlib.crc32(body) & 0x7FFFFFFF)
    return Request(REGISTER_BROKER, {**ext_fields, "bodyCrc32": checksum}, body)


@dataclass(frozen=True)
class Answer:
    """One answer frame."""

    frame: bytes

    @property
    def header(self) -> dict[str, Any]:
        """The header, which must be JSON."""
        if self.frame[4] != 0:
            raise AskFailed(f"an answer's header has type {self.frame[4]}, expected 0")
        length = int.from_bytes(self.frame[5:8])
        header: dict[str, Any] = json.loads(self.frame[8 : 8 + length])
        return header

    @property
    def code(self) -> int:
        """The response code."""
        return int(self.header["code"])

    @property
    def body(self) -> bytes:
        """The bytes after the header."""
        return self.frame[8 + int.from_bytes(self.frame[5:8]) :]


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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def exchange(self, frame: bytes) -> Answer:
        """Send a frame, return its answer. Raises AskFailed."""
        try:
            self._socket.sendall(frame)
            start = self._receive(4)
            return Answer(start + self._receive(int.from_bytes(start)))
        except OSError as error:
            raise AskFailed(f"a request was not answered: {error}") from None

    def ask_for(self, code: int, request: Request) -> Answer:
        """Send it, return its answer. Raises AskFailed when that has another code."""
        answer = self.exchange(request.frame())
        if answer.code != code:
            raise AskFailed(
                f"request {request.code} was answered with code {answer.code},"
                f" expected {code}: {answer.header.get('remark')}"
            )
        return answer

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _receive(self, count: int) -> bytes:
        received = bytearray()
        while len(received) < count:
            piece = self._socket.recv(count - len(received))
            if not piece:
                raise ConnectionError("the server closed the connection")
            received += piece
        return bytes(received)

"""A tiny remoting client; knows frames, nothing of `namesrv`."""

import json
import socket
import ssl
import struct
from dataclasses import dataclass, field

ANSWER_SECONDS = 5.0
JSON_HEADER = 0

VERSION_LEGACY = 400
VERSION_STANDARD = 479


@dataclass(frozen=True)
class Request:
    """A request as a Java client would send it; `code` of protocol.md chapter 2."""

    code: int
    ext_fields: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    version: int = VERSION_STANDARD

    def encode(self, opaque: int) -> bytes:
        """The whole frame, with a JSON header (protocol.md 1.1 and 1.3)."""
        header = {
            "code": self.code,
            "extFields": self.ext_fields,
            "flag": 0,
            "language": "JAVA",
            "opaque": opaque,
            "serializeTypeCurrentRPC": "JSON",
            "version": self.version,
        }
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        length = 4 + len(text) + len(self.body)
        mark = JSON_HEADER << 24 | len(text)
        return struct.pack(">ii", length, mark) + text + self.body

    def __str__(self) -> str:
        fields = " ".join(f"{key}={value}" for key, value in self.ext_fields.items())
        return f"{self.code} {fields} (version {self.version})".replace("  ", " ")


@dataclass(frozen=True)
class Answer:
    """One answer frame, taken apart but not interpreted."""

    serialize_type: int
    header: bytes
    body: bytes

    @property
    def code(self) -> int:
        return int(json.loads(self.header)["code"])


class Connection:
    """One TCP connection to a name server; requests are answered one at a time.

    `context` is for connections with TLS.
    """

    def __init__(
        self, host: str, port: int, context: ssl.SSLContext | None = None
    ) -> None:
        self._socket = socket.create_connection((host, port), ANSWER_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.own_port: int = self._socket.getsockname()[1]
        if context is not None:
            self._socket = context.wrap_socket(self._socket)

    def ask(self, request: Request, opaque: int = 7) -> Answer:
        """Raises OSError if the server closes or does not answer within 5 s."""
        self._socket.sendall(request.encode(opaque))
        length, mark = struct.unpack(">ii", self._receive(8))
        header_length = mark & 0xFFFFFF
        header = self._receive(header_length)
        return Answer(mark >> 24, header, self._receive(length - 4 - header_length))

    def send_nonsense(self) -> None:
        """A length over every limit: a name server closes the connection at once."""
        self._socket.sendall(struct.pack(">i", -1))
        assert self._socket.recv(1) == b""

    def close(self) -> None:
        self._socket.close()

    def _receive(self, count: int) -> bytes:
        received = bytearray()
        while len(received) < count:
            piece = self._socket.recv(count - len(received))
            if not piece:
                raise ConnectionError(
                    f"closed after {len(received)} of {count} bytes of an answer"
                )
            received += piece
        return bytes(received)

"""A client of `/v1/events`, over a socket."""

import json
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple

from namesrv.testing.peer import WAIT_SECONDS, Address


class Sent(NamedTuple):
    """One event of a stream."""

    type: str
    data: Any
    id: str


class Reader:
    """One stream; `head` is the beginning of the answer."""

    def __init__(self, address: Address, query: str = "", *lines: str) -> None:
        self.socket = socket.create_connection(address, timeout=WAIT_SECONDS)
        head = [f"GET /v1/events{query} HTTP/1.1", "Host: a", *lines, "", ""]
        self.socket.sendall("\r\n".join(head).encode())
        self._file = self.socket.makefile("rb")
        self.head = self._block(b"\r\n")
        self.status = int(self.head[0].split()[1])

    def next(self) -> Sent:
        """The next event; comments are skipped."""
        while True:
            lines = self._block(b"\n")
            fields = dict(line.split(": ", 1) for line in lines if line[:1] != ":")
            if "data" in fields:
                data = json.loads(fields["data"])
                return Sent(fields["event"], data, fields.get("id", ""))

    def until(self, kind: str) -> list[Sent]:
        """Events up to one of a type, with it."""
        found = [self.next()]
        while found[-1].type != kind:
            found.append(self.next())
        return found

    def rest(self) -> Iterator[Sent]:
        """All events until the server closes the stream."""
        while True:
            try:
                yield self.next()
            except EOFError:
                return

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def _block(self, end: bytes) -> list[str]:
        lines: list[str] = []
        while (line := self._file.readline()) != end:
            if not line:
                raise EOFError
            lines.append(line.decode().rstrip("\r\n"))
        return lines

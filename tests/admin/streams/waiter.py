"""A client of a route that may wait, over a socket."""

import json
import socket
from typing import Any, NamedTuple

from namesrv.testing.peer import WAIT_SECONDS, Address


class Answered(NamedTuple):
    """One answer: its status, the index of the route, and the body."""

    status: int
    route_index: str | None
    body: Any


class Waiter:
    """One connection; requests are sent without waiting for answers."""

    def __init__(self, address: Address, host: str = "127.0.0.1") -> None:
        """Connect from a loopback address."""
        self.socket = socket.create_connection(address, WAIT_SECONDS, (host, 0))
        self._file = self.socket.makefile("rb")

    def send(self, query: str = "", topic: str = "T", *lines: str) -> None:
        """Ask for the route of a topic."""
        target = f"/v1/topics/{topic}/route{query}"
        head = [f"GET {target} HTTP/1.1", "Host: a", *lines, "", ""]
        self.socket.sendall("\r\n".join(head).encode())

    def read(self) -> Answered:
        """The next answer. Raises EOFError when the connection ends first."""
        line, headers = self._file.readline(), dict[str, str]()
        while (field := self._file.readline()) != b"\r\n":
            if not field:
                raise EOFError
            name, value = field.decode().split(": ", 1)
            headers[name] = value.strip()
        body = self._file.read(int(headers.get("Content-Length", 0)))
        status, index = int(line.split()[1]), headers.get("X-Namesrv-Index")
        return Answered(status, index, json.loads(body) if body else None)

    def ask(self, query: str = "", topic: str = "T", *lines: str) -> Answered:
        """The answer to one request."""
        self.send(query, topic, *lines)
        return self.read()

    def close(self) -> None:
        self._file.close()
        self.socket.close()

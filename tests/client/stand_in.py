"""A server that answers in the way that a test needs, in a thread."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from namesrv.client.addresses import Address
from namesrv.client.nameservers import NameServers
from namesrv.client.questions import Questions
from namesrv.client.terms import Terms
from namesrv.testing.peer import WAIT_SECONDS
from namesrv.testing.peer.frame import frame, take_frame
from namesrv.testing.peer.header import header_json, read_header

Behaviour = Callable[[socket.socket], None]


@contextmanager
def listening(behaviour: Behaviour) -> Iterator[Address]:
    """A port of 127.0.0.1; `behaviour` gets each connection, which is then closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_accept, args=(listener, behaviour))
        thread.start()
        try:
            yield Address(*listener.getsockname())
        finally:
            # An accept that waits does not notice that its socket was closed.
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(WAIT_SECONDS)


def _accept(listener: socket.socket, behaviour: Behaviour) -> None:
    with suppress(OSError):
        while True:
            connected, _ = listener.accept()
            with connected, suppress(OSError):
                connected.settimeout(WAIT_SECONDS)
                behaviour(connected)


def sending(data: bytes) -> Behaviour:
    """Sends bytes after the first ones that come."""

    def behave(connected: socket.socket) -> None:
        connected.recv(65536)
        connected.sendall(data)

    return behave


def answering(*answers: tuple[int, bytes]) -> Behaviour:
    """Answers each request with the next code and body, the last of them for ever."""

    def behave(connected: socket.socket) -> None:
        rest = list(answers)
        received = bytearray()
        while data := connected.recv(65536):
            received += data
            while (request := take_frame(received)) is not None:
                header = read_header(0, request[8:][: int.from_bytes(request[5:8])])
                code, body = rest.pop(0) if len(rest) > 1 else rest[0]
                head = header_json(code, opaque=header["opaque"], flag=1)
                connected.sendall(frame(head, body))

    return behave


def questions(*addresses: Address, timeout_seconds: float = WAIT_SECONDS) -> Questions:
    """Questions to servers."""
    return Questions(NameServers(addresses, Terms(timeout_seconds)))

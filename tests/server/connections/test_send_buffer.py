"""The limit of the system's send buffers."""

import asyncio
import socket
from types import SimpleNamespace
from typing import cast

import pytest

from namesrv.server.connections.send_buffer import limit_send_buffer
from namesrv.testing.peer import lookup
from tests.server.server_thread import Serve

KIB = 1 << 10
BUFFER = socket.SOL_SOCKET, socket.SO_SNDBUF
NO_ROUTE = 17


class ConnectedSocket:
    """Its send buffer has a size, which may be changed; the system doubles it."""

    def __init__(self, size: int) -> None:
        self.size = size

    def getsockopt(self, *option: int) -> int:
        assert option == BUFFER
        return self.size

    def setsockopt(self, level: int, option: int, size: int) -> None:
        assert (level, option) == BUFFER
        self.size = 2 * size


def transport(connected: object) -> asyncio.BaseTransport:
    """The transport of a socket."""
    of = SimpleNamespace(get_extra_info=lambda name: connected)
    return cast(asyncio.BaseTransport, of)


@pytest.mark.parametrize(
    ("size", "limited"),
    [(16 * KIB, 16 * KIB), (512 * KIB, 512 * KIB), (2565 * KIB, 512 * KIB)],
)
def test_only_a_large_buffer_is_made_smaller(size: int, limited: int) -> None:
    connected = ConnectedSocket(size)
    limit_send_buffer(transport(connected))
    assert connected.size == limited


def test_transport_without_a_socket_is_left_alone() -> None:
    limit_send_buffer(transport(None))


def test_closed_socket_is_left_alone() -> None:
    with socket.socket() as closed:
        pass
    limit_send_buffer(transport(closed))


def test_connections_of_the_loop_have_the_limit(serve: Serve) -> None:
    server = serve(lookup_lanes=0)
    with server.peer() as peer:
        assert peer.ask(lookup("Nobody")).code == NO_ROUTE
        (protocol,) = server.server.inside.connections.peers()
        connected = protocol.transport.get_extra_info("socket")
        assert connected.getsockopt(*BUFFER) <= 512 * KIB


def test_size_that_an_operator_chose_stays(serve: Serve) -> None:
    with socket.socket() as connected:
        connected.setsockopt(*BUFFER, 1024 * KIB)
        largest = connected.getsockopt(*BUFFER)
    server = serve(lookup_lanes=0, server_socket_snd_buf_size=1024 * KIB)
    with server.peer() as peer:
        assert peer.ask(lookup("Nobody")).code == NO_ROUTE
        (protocol,) = server.server.inside.connections.peers()
        connected = protocol.transport.get_extra_info("socket")
        assert connected.getsockopt(*BUFFER) == largest

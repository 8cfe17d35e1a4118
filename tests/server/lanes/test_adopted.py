"""A lane's connection that becomes the loop's, without a lane."""

import socket
from types import SimpleNamespace
from typing import Any, cast

import pytest

from namesrv.server.connections.beside import Nothing
from namesrv.server.lanes.adopted import AdoptedProtocol
from tests.server.loop_free_server import FakeTransport, LoopFreeServer


class Lanes(Nothing):
    """Admits a connection whenever it counts fewer than there may be."""

    open = 1
    own = 0

    def note_own(self, count: int) -> None:
        self.own = count

    def counted(self) -> int:
        """All connections, as lanes know them."""
        return self.open + self.own


@pytest.mark.parametrize("is_counted", [True, False])
def test_lanes_never_count_fewer_connections_than_there_are(
    loop_free: LoopFreeServer, is_counted: bool
) -> None:
    lanes, seen = Lanes(), []
    loop_free.connections.join_lanes(lanes)

    def end() -> None:
        seen.append(lanes.counted())
        lanes.open -= is_counted

    peer: Any = SimpleNamespace(
        output=b"", input=b"", read_ms=0, has_sent=False, client_version=None
    )
    peer.is_counted, peer.end = is_counted, end
    peer.address = socket.AF_INET, bytes((10, 0, 0, 9)), 5001, 0
    protocol = AdoptedProtocol(loop_free.connections, peer)
    protocol.connection_made(cast("Any", FakeTransport(None)))
    assert protocol.connection.remote_address == "10.0.0.9:5001"
    assert seen == [2]
    assert lanes.counted() == len(loop_free.connections) == (1 if is_counted else 2)

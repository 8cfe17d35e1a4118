"""A connection of a lane that the loop has for good, with its input and output."""

import asyncio
import socket

from namesrv._impl import LanePeer
from namesrv.server.connections.acceptor import join_loop
from namesrv.server.connections.first_bytes import Sniffer
from namesrv.server.connections.peer import Peer
from namesrv.server.connections.protocol import NamesrvProtocol
from namesrv.server.connections.registry import Connections


class AdoptedProtocol(NamesrvProtocol):
    """A peer that a lane served before. Its unsent output goes first, then the loop
    handles its input, and then it reads more."""

    __slots__ = ("_lane_peer", "was_admitted")

    def __init__(self, connections: Connections, lane_peer: LanePeer) -> None:
        family, host, port, _ = lane_peer.address
        super().__init__(connections, (socket.inet_ntop(family, host), port))
        self._lane_peer = lane_peer
        self.was_admitted = lane_peer.is_counted

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Go on where the lane stopped."""
        super().connection_made(transport)
        # Lanes admit others by both numbers: theirs gets smaller once ours is known.
        self._connections.lanes.note_own(self._connections.own)
        peer = self._lane_peer
        output, data = peer.output, peer.input
        self.connection.note_activity(peer.read_ms)
        self.has_sent = peer.has_sent
        if peer.client_version is not None:
            # Its first bytes were frames.
            self.connection.note_version(peer.client_version)
            self._begin_stream(Sniffer())
        peer.end()
        if self.closing_since_ms is not None:
            return
        if output:
            self._write(output)
        if self._connections.is_halted:
            self.close()
        elif data:
            # The lane has read it, perhaps before the server was frozen.
            Peer.data_received(self, data)


async def adopt(connections: Connections, peer: LanePeer) -> None:
    """Make a lane's connection one of the loop."""
    family = peer.address[0]
    sock = socket.socket(
        family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=peer.take_socket()
    )
    try:
        await join_loop(sock, lambda: AdoptedProtocol(connections, peer))
    finally:
        peer.end()

"""The lookup lanes of one server, as its loop sees them.

A lane is a native thread that accepts connections and answers lookups of ready topics
(`namesrv/_fast/lane_thread.pyx`). It gives the loop everything unusual: a connection
for good, or a question, whose connection it gets back with the answer.
"""

import asyncio
import logging
import socket
from collections.abc import Sequence
from typing import Final

from namesrv._impl import LanePeer, Lanes
from namesrv.routing.state import RoutingState
from namesrv.server.connections.broker_hosts import address_text
from namesrv.server.connections.registry import Connections
from namesrv.server.lanes.adopted import adopt
from namesrv.server.lanes.question import Question
from namesrv.server.logs.events import EventLog

_TAKEN_AT_ONCE: Final = 64
"""Connections that one turn of the loop takes from lanes."""


class LookupLanes:
    """Starts lanes, serves the connections that they give, and ends them."""

    def __init__(
        self, state: RoutingState, connections: Connections, log: EventLog
    ) -> None:
        self._state = state
        self._connections = connections
        self._log = log
        self._lanes: Lanes | None = None
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures = 0

    @property
    def are_running(self) -> bool:
        """Whether lanes accept connections."""
        return self._lanes is not None and self._lanes.is_running

    @property
    def open(self) -> int:
        """Connections that lanes have, or that are on the way to the loop."""
        return 0 if self._lanes is None else self._lanes.open

    def start(self, listeners: Sequence[socket.socket], count: int) -> bool:
        """Start lanes that accept connections; False if that fails, which is logged."""
        if Lanes is None:
            return False
        for listener in listeners:
            listener.setblocking(False)
        try:
            lanes = Lanes(self._state.hot, count)
            self._lanes = lanes
            self.show_limits()
            lanes.start([listener.fileno() for listener in listeners])
        except (OSError, MemoryError) as error:
            fields = {"reason": str(error) or "no memory", "lanes": count}
            event = "cannot start lookup lanes, the server runs without them"
            self._log.log_own(logging.WARNING, event, fields)
            self._lanes = None
            return False
        self._connections.count_lanes(lambda: lanes.open)
        self._loop.add_reader(lanes.fileno(), self._take)
        return True

    def tick(self, _now_ms: int) -> None:
        """Show lanes the limits of now, and add their counts to those of the loop."""
        self.show_limits()
        if self._lanes is not None:
            self._lanes.fold()

    def stop(self) -> None:
        """End the lanes; the loop has their connections and listeners from now on."""
        if self._lanes is not None and self._lanes.is_running:
            self._loop.remove_reader(self._lanes.fileno())
            self._lanes.stop()
            self._take()

    def show_limits(self) -> None:
        """Show lanes the limits of now."""
        if self._lanes is None:
            return
        connections, state = self._connections, self._state
        idle_seconds = state.options.server_channel_max_idle_time_seconds
        # The debug log has lines about each connection and request.
        most_open = 0 if state.outbox.is_debugging else connections.open_to_all
        self._lanes.limit(connections.own, most_open, idle_seconds * 1000)

    def _take(self) -> None:
        assert self._lanes is not None
        peers = self._lanes.take(_TAKEN_AT_ONCE)
        for peer in peers:
            if peer.sample_type is not None:
                header, address = peer.input, _address_of(peer)
                self._state.hot.note_unknown(peer.sample_type, header, address)
                peer.end()
            elif peer.asked and self._lanes.is_running:
                address = _address_of(peer)
                Question(self._connections, peer, address, self._on_answer).begin()
            else:
                self._adopt(peer)
        if len(peers) == _TAKEN_AT_ONCE:
            self._loop.call_soon(self._take)

    def _on_answer(self, question: Question) -> None:
        peer = question.peer
        try:
            peer.answer(bytes(question.output), question.answered_bytes)
        except MemoryError:
            peer.end()
            return
        if self.are_running:
            peer.go_on()
        else:
            self._adopt(peer)

    def _adopt(self, peer: LanePeer) -> None:
        task = self._loop.create_task(adopt(self._connections, peer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _address_of(peer: LanePeer) -> str:
    family, host, port, _ = peer.address
    return address_text((socket.inet_ntop(family, host), port))

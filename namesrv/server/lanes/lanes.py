"""The lookup lanes of one server, as its loop sees them.

A lane is a native thread that accepts connections and answers lookups of ready topics
(`namesrv/_fast/lane_thread.pyx`). It gives the loop everything unusual: a connection
for good, or a question, whose connection it gets back with the answer.
"""

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

from namesrv._impl import LaneCensus, LanePeer, Lanes
from namesrv.routing.state import RoutingState
from namesrv.server.connections.broker_hosts import address_text
from namesrv.server.connections.registry import Connections
from namesrv.server.lanes.adopted import adopt
from namesrv.server.lanes.question import Question
from namesrv.server.logs.events import EventLog

STALL_MILLIS: Final = 1000
"""A loop without a tick for so long stood still."""
_TAKEN_AT_ONCE: Final = 64
"""Connections that one turn of the loop takes from lanes."""
_SEEN_AT_ONCE: Final = 1024
"""Connections and samples among which a tick finds the samples."""
_MOST_ADOPTED_BYTES: Final = 8 << 20
"""Output of connections that the loop is about to have, before it takes more of them.
From then on the output counts against the budget."""


class Stall(NamedTuple):
    """The loop stood still until `ended_ms`; lanes answered `lookups` meanwhile."""

    ended_ms: int
    lookups: int


class LaneCounts(NamedTuple):
    """Since the start: connections `accepted` by lanes and `handed_over` to the loop
    for good, questions `asked`, and connections `dropped` for lack of memory, or
    because they did not read while the loop had much to do."""

    accepted: int = 0
    handed_over: int = 0
    asked: int = 0
    dropped: int = 0


class LookupLanes:
    """Starts lanes, serves the connections that they give, and ends them. `stall` is
    the last time that only lanes answered."""

    def __init__(
        self, state: RoutingState, connections: Connections, log: EventLog
    ) -> None:
        self._state = state
        self._connections = connections
        self._log = log
        self._lanes: Lanes | None = None
        self._count = 0
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._taken: deque[LanePeer] = deque()
        self._adopted_bytes = 0
        self._goes_on = False
        self._accept_failures = 0
        self._ticked_ms: int | None = None
        self._lookups = 0
        self.stall: Stall | None = None

    @property
    def are_running(self) -> bool:
        """Whether lanes accept connections."""
        return self._lanes is not None and self._lanes.is_running

    @property
    def running(self) -> int:
        """The number of lanes that run."""
        return self._count if self.are_running else 0

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
        except (OSError, MemoryError, ValueError) as error:
            fields = {"reason": str(error) or "no memory", "lanes": count}
            event = "cannot start lookup lanes, the server runs without them"
            self._log.log_own(logging.WARNING, event, fields)
            self._lanes = None
            return False
        self._count = count
        self._connections.join_lanes(lanes)
        self._loop.add_reader(lanes.fileno(), self._on_given)
        return True

    @property
    def counts(self) -> LaneCounts:
        """The counts of all lanes together."""
        if self._lanes is None:
            return LaneCounts()
        accepted, handed_over, asked, _, dropped = self._lanes.counts()
        return LaneCounts(accepted, handed_over, asked, dropped)

    def census(self) -> "LaneCensus | None":
        """The connections of lanes, None without lanes."""
        return None if self._lanes is None else self._lanes.census()

    def tick(self, now_ms: int) -> None:
        """Show lanes the limits of now, add their counts to those of the loop, and
        report their failures."""
        if self._lanes is None:
            return
        self.show_limits()
        self._lanes.fold()
        self._note_stall(self._lanes.lookups, now_ms)
        self._report_failures(self._lanes.counts()[3])

    def gather(self, now_ms: int) -> None:
        """Take the samples and the counts of lanes since the last tick, before the next
        samples are planned."""
        if self._lanes is None:
            return
        for peer in self._lanes.take(_SEEN_AT_ONCE):
            if peer.sample_type is None:
                self._taken.append(peer)
            else:
                self._serve(peer)
        self._lanes.fold()
        self._take()

    def fold(self) -> None:
        """Add the counts of lanes to those of the loop."""
        if self._lanes is not None:
            self._lanes.fold()

    def _note_stall(self, lookups: int, now_ms: int) -> None:
        since, self._lookups = lookups - self._lookups, lookups
        before_ms, self._ticked_ms = self._ticked_ms, now_ms
        if before_ms is not None and now_ms - before_ms >= STALL_MILLIS:
            self.stall = Stall(now_ms, since)

    def _report_failures(self, accept_failures: int) -> None:
        if accept_failures != self._accept_failures:
            self._accept_failures = accept_failures
            event = "lanes cannot accept connections for lack of descriptors or memory"
            fields = {"failures": accept_failures}
            self._log.log_damped(logging.WARNING, event, fields)

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

    def _on_given(self) -> None:
        """Lanes call until all that they gave is taken, and again after it."""
        assert self._lanes is not None
        # The one that called may have lost its core to this thread.
        self._lanes.let_run()
        if not self._goes_on:
            self._take()

    def _go_on(self) -> None:
        self._goes_on = False
        self._take()

    def _take(self) -> None:
        """Serve some of the connections that lanes gave, and the others in the next
        turns: lanes may have called once for all of them."""
        assert self._lanes is not None
        if not self._taken:
            self._taken += self._lanes.take(_TAKEN_AT_ONCE)
            if not self._taken:
                return
        # A tick may have taken more than one turn serves.
        for _ in range(min(len(self._taken), _TAKEN_AT_ONCE)):
            if self._adopted_bytes >= _MOST_ADOPTED_BYTES:
                break
            self._serve(self._taken.popleft())
        if not self._goes_on:
            self._goes_on = True
            self._loop.call_soon(self._go_on)

    def _serve(self, peer: LanePeer) -> None:
        if peer.sample_type is not None:
            header, address = peer.input, text_of(peer.address)
            self._state.hot.note_unknown(peer.sample_type, header, address)
            peer.end()
        elif peer.asked and self.are_running:
            address = text_of(peer.address)
            Question(self._connections, peer, address, self._on_answer).begin()
        else:
            self._adopt(peer)

    def _on_answer(self, question: Question) -> None:
        """The loop has a budget for the output of a peer that does not read."""
        peer = question.peer
        try:
            peer.answer(bytes(question.output), question.answered_bytes)
        except MemoryError:
            peer.end()
            return
        if self.are_running and not question.output:
            peer.go_on()
        else:
            self._adopt(peer)

    def _adopt(self, peer: LanePeer) -> None:
        if self._connections.is_frozen and not (peer.input or peer.output):
            peer.end()
            return
        output_bytes = len(peer.output)
        self._adopted_bytes += output_bytes
        task = self._loop.create_task(adopt(self._connections, peer))
        self._tasks.add(task)
        task.add_done_callback(partial(self._on_adopted, output_bytes))

    def _on_adopted(self, output_bytes: int, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._adopted_bytes -= output_bytes
        # Lanes count connections of the loop for the limit of all.
        self.show_limits()


def text_of(address: tuple[int, bytes, int, int]) -> str:
    """host:port of (family, packed host, port, scope)."""
    family, host, port, _ = address
    return address_text((socket.inet_ntop(family, host), port))

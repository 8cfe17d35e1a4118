"""The end of a server: everything that was read is answered, and nothing is lost.

The server's end
================

SIGTERM or SIGINT begins the end. It goes through the phases of `routing/turns/phase.py`
in their order, and never back:

    phase      how long                       allowed       ends with
    SERVING    until the signal               everything    the signal
    DRAINING   `shutdownWaitTimeSeconds`, if  reads, turns  no newer client is left, the
               `enableShutdownGracefully`                   time is over, a 2nd signal
    FROZEN     0.6 s at most                  turns         no request waits any more
    HALTED     0.6 s for files, 0.6 s for     late answers  the process
               peers

DRAINING. Listeners are closed first: a client that is sent away would come back here at
once. Each answer to a client of 5.3.2 or later is GO_AWAY (protocol.md 5.8), and others
are served as before. Brokers that are sent away close their connections and fall
silent. Their silence is no sign of death: from here on no broker is removed for either.
`RoutingState.draining` is a fact of its own beside the phase: a server that was never
drained must not answer GO_AWAY while it is frozen.

FROZEN. No connection reads any more, so the work that is left is finite: connections in
line for a turn, unfinished work, and requests that wait for a file. `settle` runs the
turns, takes over the last connections of lanes with the input that was read there,
saves the routes, and waits for the writer of operators' changes. A change that
is on disk is answered, and the requests behind it on the same connection have their
turns. Routes are saved before that wait, because a disk that hangs for a KV table must
not cost them.

HALTED. Turns end here, even if requests still wait for one after 0.6 s; these are never
answered, and their clients ask another server. A request that waits for a file is
answered if the file is written in time. Work that was begun in steps is carried
out to its end, so that no half of a registration is saved (P2). Then the routes are
saved once more if anything changed since, and the stamp with them: a warm start counts
its age from here. Only now connections are closed. Closing them earlier would make
peers register elsewhere while their last requests are still being carried out, and the
saved routes would lack them.

A failure of one step is logged, and the next step is taken all the same.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from namesrv.server.connections.registry import Connections
from namesrv.server.warm_start.schedule import Snapshots


class Changes(Protocol):
    """The writer of operators' changes."""

    @property
    def is_busy(self) -> bool:
        """Whether a write is under way or waits."""

    async def drain(self) -> None:
        """Wait until no write is left."""


class Ending:
    """The steps of one server's end: `freeze`, `settle`, `halt`.

    `next_turn` returns after the next turn of the loop; `on_failure` is called while an
    exception of saving the routes is handled.
    """

    def __init__(
        self,
        connections: Connections,
        snapshots: Snapshots,
        changes: Changes,
        next_turn: Callable[[], Awaitable[None]],
        on_failure: Callable[[], None],
    ) -> None:
        self._connections = connections
        self._snapshots = snapshots
        self._changes = changes
        self._next_turn = next_turn
        self._on_failure = on_failure

    def freeze(self) -> None:
        """Read no more input."""
        self._connections.freeze()

    async def settle(self) -> None:
        """Wait until all requests read so far have answers. It may be cancelled."""
        await self._finish_turns()
        self._save_routes()
        while self._changes.is_busy:
            await self._changes.drain()
            await self._finish_turns()

    def halt(self) -> None:
        """Carry out no more requests, and have the routes saved as they are."""
        self._connections.halt()
        self._save_routes()

    async def _finish_turns(self) -> None:
        while self._connections.has_turns or self._connections.are_arriving:
            await self._next_turn()

    def _save_routes(self) -> None:
        try:
            self._snapshots.save_all()
        except Exception:
            self._on_failure()

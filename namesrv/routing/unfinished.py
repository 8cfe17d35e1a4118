"""Work that did not end in the turn in which it was begun.

Each turn of the loop it goes on for a share of the turn, each work in line. Nothing is
ever dropped in the middle: our own end carries all of it out (`finish`).
"""

import logging
from collections import deque
from traceback import format_exc
from typing import Final

from namesrv._impl import Connection
from namesrv.routing.outbox import LogEvent, Outbox
from namesrv.routing.turn import TURN_UNITS, Turn
from namesrv.work import Steps

SPARED_UNITS: Final = TURN_UNITS // 2
"""The part of a turn that is for connections that wait for theirs."""


class UnfinishedWork:
    """Steps in line; `bool` of it says whether there are any."""

    def __init__(self, turn: Turn, outbox: Outbox) -> None:
        self._turn = turn
        self._outbox = outbox
        self._line: deque[Steps[None]] = deque()
        self._asking: set[Connection] = set()

    def __bool__(self) -> bool:
        return bool(self._line)

    def begin(self, steps: Steps[None]) -> None:
        """Begin work that nobody waits for; it waits if this turn is too short."""
        if not self._is_done(steps, 0):
            self._line.append(steps)

    def put(self, steps: Steps[None], connection: Connection) -> None:
        """The rest of a request of a connection; the last step answers it."""
        self._asking.add(connection)
        self._line.append(self._until_answered(steps, connection))

    def is_asking(self, connection: Connection) -> bool:
        """Whether a request of a connection is among the work."""
        return connection in self._asking

    def go_on(self, *, others_wait: bool) -> None:
        """Another turn of the loop has begun: half of it is for this if others wait."""
        spared = SPARED_UNITS if others_wait else 0
        for _ in range(len(self._line)):
            steps = self._line.popleft()
            if not self._is_done(steps, spared):
                self._line.append(steps)
            if self._turn.left <= spared:
                return

    def finish(self) -> None:
        """Our own end: carry out what was begun, at once."""
        while self._line:
            self._turn.begin()
            self.go_on(others_wait=False)

    def _until_answered(
        self, steps: Steps[None], connection: Connection
    ) -> Steps[None]:
        try:
            yield from steps
        finally:
            self._asking.discard(connection)

    def _is_done(self, steps: Steps[None], spared: int) -> bool:
        try:
            return self._turn.advance(steps, spared=spared) is not None
        except Exception:
            fields: dict[str, object] = {"error": format_exc()}
            self._outbox.put(LogEvent(logging.ERROR, "internal error", fields))
            return True

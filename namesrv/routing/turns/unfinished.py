"""Work that takes more than the turn in which it began.

It continues in each turn of the loop for a share of the turn, in fair lines: writers of
the tables come before readers, and each address has one share. No change is dropped in
the middle: the end of the server completes all of them (`finish`).
"""

import logging
from traceback import format_exc
from typing import Final

from namesrv._impl import Connection
from namesrv.routing.outbox import Close, LogEvent, Outbox
from namesrv.routing.turns.fair_lines import FairLines, host_in_line
from namesrv.routing.turns.turn import TURN_UNITS, Turn
from namesrv.work import Steps

SPARED_UNITS: Final = TURN_UNITS // 2
"""The part of a turn for waiting connections."""
LAST_TURNS: Final = 250
"""Turns that reads have at the end of the server, a quarter of a second."""
_OWN: Final = ""
"""The address of work that no peer requested: ends of connections, the scan."""


class UnfinishedWork:
    """Steps in line; true if there are any."""

    def __init__(self, turn: Turn, outbox: Outbox) -> None:
        self._turn = turn
        self._outbox = outbox
        self._lines: FairLines[Steps[None]] = FairLines()
        self._asking: set[Connection] = set()

    def __bool__(self) -> bool:
        return bool(self._lines)

    def begin(self, steps: Steps[None], *, is_reading: bool = False) -> None:
        """Begin work that is no request's; it waits if this turn is too short."""
        if not self._is_done(steps, 0):
            self._lines.put(_OWN, steps, is_first=not is_reading)

    def put(
        self, steps: Steps[None], connection: Connection, *, is_reading: bool
    ) -> None:
        """The rest of a request of a connection, which changes something or only reads;
        the last step answers it."""
        self._asking.add(connection)
        asked = self._until_answered(steps, connection)
        self._lines.put(host_in_line(connection), asked, is_first=not is_reading)

    def is_asking(self, connection: Connection) -> bool:
        """Whether a request of a connection is among the work."""
        return connection in self._asking

    def go_on(self, *, others_wait: bool) -> None:
        """Another turn of the loop has begun: half of it is for this if others wait."""
        spared = SPARED_UNITS if others_wait else 0
        for _ in range(len(self._lines)):
            host, steps, is_first = self._lines.take()
            if not self._is_done(steps, spared):
                self._lines.put(host, steps, is_first=is_first)
            if self._turn.left <= spared:
                return

    def finish(self) -> None:
        """Finish begun work at once, at the end of the server: all that changes
        something, and reads that end within LAST_TURNS. The others are dropped, because
        the routes are saved after this, and peers can ask for very many."""
        turns = 0
        while self._lines:
            turns += 1
            if turns > LAST_TURNS:
                self._drop_reads()
            self._turn.begin()
            self.go_on(others_wait=False)

    def _drop_reads(self) -> None:
        for _ in range(len(self._lines)):
            host, steps, is_first = self._lines.take()
            if is_first:
                self._lines.put(host, steps, is_first=True)
            else:
                steps.close()

    def _until_answered(
        self, steps: Steps[None], connection: Connection
    ) -> Steps[None]:
        try:
            yield from steps
        except Exception:
            # There will be no answer, and nobody may wait for it.
            self._outbox.put(Close(connection))
            raise
        finally:
            self._asking.discard(connection)

    def _is_done(self, steps: Steps[None], spared: int) -> bool:
        try:
            return self._turn.advance(steps, spared=spared) is not None
        except Exception:
            fields: dict[str, object] = {"error": format_exc()}
            self._outbox.put(LogEvent(logging.ERROR, "internal error", fields))
            return True

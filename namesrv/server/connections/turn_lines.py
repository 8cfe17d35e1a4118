"""Connections that wait for a turn of the loop, in fair lines.

The connections of one address come one after the other. Brokers' signs of life have a
line of their own, which comes first.
"""

from typing import Final, Protocol

from namesrv._impl import Connection
from namesrv.codes import RequestCode
from namesrv.routing.tables.busy_groups import Awaited, BusyGroups
from namesrv.routing.turns.fair_lines import FairLines, host_in_line

_OF_BROKERS: Final = frozenset(
    (
        RequestCode.REGISTER_BROKER,
        RequestCode.UNREGISTER_BROKER,
        RequestCode.QUERY_DATA_VERSION,
        RequestCode.BROKER_HEARTBEAT,
    )
)


class Waiting(Protocol):
    """A connection's protocol, as it is known here."""

    connection: Connection

    def resume(self, answer: bytes | None = None) -> None:
        """Continue after a pause."""


class TurnLines:
    """All lines; true if a connection can have a turn.

    A connection whose request waits for the end of other work has none until then.
    """

    def __init__(self, busy: BusyGroups) -> None:
        self._busy = busy
        self._lines: FairLines[Waiting] = FairLines()
        self._aside: dict[Awaited, FairLines[Waiting]] = {
            awaited: FairLines() for awaited in Awaited
        }
        self._count_aside = 0

    def __bool__(self) -> bool:
        # Asked after each call into the state, when nobody waits in most cases.
        return bool(self._lines) or (
            self._count_aside > 0 and any(map(self._can_go_on, self._aside))
        )

    def put(self, waiting: Waiting) -> None:
        """Wait at the end of the line to which its next request belongs."""
        connection = waiting.connection
        is_broker = connection.waiting_code in _OF_BROKERS
        awaited = self._busy.take_put_back(connection)
        if awaited is None:
            lines = self._lines
        else:
            lines = self._aside[awaited]
            self._count_aside += 1
        lines.put(host_in_line(connection), waiting, is_first=is_broker)

    def take(self) -> Waiting:
        """The connection that has the next turn; a line must not be empty."""
        for awaited in self._aside:
            if self._can_go_on(awaited):
                host, waiting, is_first = self._take_aside(awaited)
                self._lines.put(host, waiting, is_first=is_first)
        return self._lines.take()[1]

    def take_reader(self) -> Waiting | None:
        """The next lookup that waited for a registration, if it can go on."""
        if not self._can_go_on(Awaited.ROUTE):
            return None
        return self._take_aside(Awaited.ROUTE)[1]

    def clear(self) -> None:
        """Drop all lines."""
        for lines in (self._lines, *self._aside.values()):
            lines.clear()
        self._count_aside = 0

    def _take_aside(self, awaited: Awaited) -> tuple[str, Waiting, bool]:
        if awaited is Awaited.ROUTE:
            self._busy.reader_goes()
        self._count_aside -= 1
        return self._aside[awaited].take()

    def _can_go_on(self, awaited: Awaited) -> bool:
        return bool(self._aside[awaited]) and self._busy.is_over(awaited)

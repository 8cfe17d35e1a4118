"""Connections that wait for their turn of the loop, in lines that are fair.

The connections of one address come one after the other. Brokers' signs of life have a
line of their own, which comes first.
"""

from typing import Final, Protocol

from namesrv._impl import Connection
from namesrv.codes import RequestCode
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
        """Go on after a pause."""


class TurnLines:
    """Both lines; `bool` of it says whether anybody waits."""

    def __init__(self) -> None:
        self._lines: FairLines[Waiting] = FairLines()

    def __bool__(self) -> bool:
        return bool(self._lines)

    def put(self, waiting: Waiting) -> None:
        """Wait at the end of the line to which its next request belongs."""
        connection = waiting.connection
        is_broker = connection.waiting_code in _OF_BROKERS
        self._lines.put(host_in_line(connection), waiting, is_first=is_broker)

    def take(self) -> Waiting:
        """Whose turn it is."""
        _, waiting, _ = self._lines.take()
        return waiting

    def clear(self) -> None:
        """Nobody has a turn any more."""
        self._lines.clear()

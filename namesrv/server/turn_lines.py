"""Connections that wait for their turn of the loop, in lines that are fair.

Each address has one share, however many connections it has; the connections of one come
one after the other. Brokers' signs of life have a line of their own, which comes first.
"""

from collections import deque
from typing import Final, Protocol

from namesrv._impl import Connection
from namesrv.codes import RequestCode

_OF_BROKERS: Final = frozenset(
    (
        RequestCode.REGISTER_BROKER,
        RequestCode.UNREGISTER_BROKER,
        RequestCode.QUERY_DATA_VERSION,
        RequestCode.BROKER_HEARTBEAT,
    )
)
_FIRST_IN_A_ROW: Final = 3
"""Turns of the brokers' line before the other one has one, too."""


class Waiting(Protocol):
    """A connection's protocol, as it is known here."""

    connection: Connection

    def resume(self, answer: bytes = b"") -> None:
        """Go on after a pause."""


class _Line:
    """One turn for each host in line, and for each connection of a host."""

    def __init__(self) -> None:
        self._by_host: dict[str, deque[Waiting]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_host)

    def put(self, waiting: Waiting) -> None:
        host, _, _ = waiting.connection.socket_address.rpartition(":")
        self._by_host.setdefault(host, deque()).append(waiting)

    def take(self) -> Waiting:
        host = next(iter(self._by_host))
        of_host = self._by_host.pop(host)
        waiting = of_host.popleft()
        if of_host:
            # Dictionaries keep the order: the host stands at the end again.
            self._by_host[host] = of_host
        return waiting

    def clear(self) -> None:
        self._by_host.clear()


class TurnLines:
    """Both lines; `bool` of it says whether anybody waits."""

    def __init__(self) -> None:
        self._brokers = _Line()
        self._others = _Line()
        self._in_a_row = 0

    def __bool__(self) -> bool:
        return bool(self._brokers or self._others)

    def put(self, waiting: Waiting) -> None:
        """Wait at the end of the line to which its next request belongs."""
        is_broker = waiting.connection.waiting_code in _OF_BROKERS
        (self._brokers if is_broker else self._others).put(waiting)

    def take(self) -> Waiting:
        """Whose turn it is."""
        if self._brokers and not (self._others and self._in_a_row >= _FIRST_IN_A_ROW):
            self._in_a_row += 1
            return self._brokers.take()
        self._in_a_row = 0
        return self._others.take()

    def clear(self) -> None:
        """Nobody has a turn any more."""
        self._brokers.clear()
        self._others.clear()

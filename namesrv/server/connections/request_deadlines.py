"""The time that an HTTP request may take to come in, whatever trickles."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from namesrv.server.connections.served import Served

REQUEST_MILLIS: Final = 10_000
"""Limit of the time between the first and the last byte of a request."""


class RequestDeadlines:
    """Connections of whose HTTP request a part has come, the oldest request first."""

    def __init__(self) -> None:
        self._since_ms: OrderedDict[Served, int] = OrderedDict()

    def note(self, protocol: Served) -> None:
        """A connection had input, or was paused or resumed."""
        since_ms = protocol.request_since_ms
        if since_ms is None:
            self.release(protocol)
        elif self._since_ms.get(protocol) != since_ms:
            self._since_ms[protocol] = since_ms
            self._since_ms.move_to_end(protocol)

    def release(self, protocol: Served) -> None:
        """Forget a connection that has ended."""
        if self._since_ms:
            self._since_ms.pop(protocol, None)

    def take_late(self, now_ms: int) -> Iterator[Served]:
        """Connections whose request is too old; they no longer count."""
        while self._since_ms:
            protocol, since_ms = next(iter(self._since_ms.items()))
            if now_ms - since_ms <= REQUEST_MILLIS:
                return
            del self._since_ms[protocol]
            yield protocol

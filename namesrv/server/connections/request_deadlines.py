"""The time that an HTTP request may take to come in, whatever trickles."""

from collections.abc import Iterator
from typing import Final

from namesrv.server.connections.served import Served

REQUEST_MILLIS: Final = 10_000
"""Limit of the time between the first and the last byte of a request."""
_BUCKET_MILLIS: Final = 1000


class RequestDeadlines:
    """Connections of whose HTTP request a part has come, by the second in which the
    request began.

    A connection may leave and come back with an old request, because no deadline runs
    while the server makes it wait. So there are few buckets and not one line.
    """

    def __init__(self) -> None:
        self._since_ms: dict[Served, int] = {}
        self._buckets: dict[int, dict[Served, None]] = {}

    def note(self, protocol: Served) -> None:
        """A connection had input, or was paused or resumed."""
        since_ms = protocol.request_since_ms
        if since_ms == self._since_ms.get(protocol):
            return
        self.release(protocol)
        if since_ms is not None:
            self._since_ms[protocol] = since_ms
            bucket = self._buckets.setdefault(since_ms // _BUCKET_MILLIS, {})
            bucket[protocol] = None

    def release(self, protocol: Served) -> None:
        """Forget a connection that has ended."""
        since_ms = self._since_ms.pop(protocol, None)
        if since_ms is None:
            return
        number = since_ms // _BUCKET_MILLIS
        del self._buckets[number][protocol]
        if not self._buckets[number]:
            del self._buckets[number]

    def take_late(self, now_ms: int) -> Iterator[Served]:
        """Connections whose request is too old; they no longer count."""
        oldest_ms = now_ms - REQUEST_MILLIS
        for number in sorted(self._buckets):
            if number * _BUCKET_MILLIS >= oldest_ms:
                return
            for protocol in list(self._buckets[number]):
                if self._since_ms[protocol] < oldest_ms:
                    self.release(protocol)
                    yield protocol

"""A virtual network: bytes are late, cut and repeated, never out of order on one link.

Between links there is no order at all, as between TCP connections.
"""

import heapq
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from namesrv.testing.simulator.requests import PeerRequest

PROMPT_MILLIS: Final = 1


class Sent(NamedTuple):
    """A request that is on its way."""

    request: PeerRequest
    is_oneway: bool
    opaque: int


@dataclass(slots=True)
class Link:
    """One TCP connection; `is_cut` drops what is still on its way, `has_ended` says
    that its owner has noticed its end, `is_over` that the server has."""

    number: int
    last_due_ms: int = 0
    last_heard_ms: int = 0
    is_cut: bool = False
    has_ended: bool = False
    is_over: bool = False


@dataclass(slots=True, order=True)
class Delivery:
    """What reaches the server: bytes, the requests that they complete; or the end."""

    due_ms: int
    sequence: int
    link: Link = field(compare=False)
    data: bytes | None = field(compare=False)
    sent: tuple[Sent, ...] = field(compare=False)


class Network:
    """All links and what is on its way."""

    def __init__(self) -> None:
        self._on_the_way: list[Delivery] = []
        self._sequence = 0
        self._connected = 0
        self._links: list[Link] = []

    def connect(self) -> Link:
        """A new connection."""
        self._connected += 1
        link = Link(self._connected)
        self._links.append(link)
        return link

    def reset(self) -> None:
        """The server is gone, and all its connections."""
        for link in self._links:
            link.has_ended = link.is_over = True
        self._links.clear()

    def send(
        self,
        link: Link,
        data: bytes,
        sent: tuple[Sent, ...],
        due_ms: int,
    ) -> None:
        """Bytes go out, and arrive not before those that were sent earlier."""
        self._put(link, data, sent, due_ms)

    def end(self, link: Link, due_ms: int) -> None:
        """Its owner closes it; the server hears of it after what was sent."""
        link.has_ended = True
        self._put(link, None, (), due_ms)

    def cut(self, link: Link, due_ms: int) -> None:
        """It breaks: what is on its way is lost, and the server hears of it."""
        link.is_cut = link.has_ended = True
        link.last_due_ms = 0
        self._put(link, None, (), due_ms)

    def next_due_ms(self) -> int | None:
        """When the next thing arrives, None for never."""
        while self._on_the_way:
            first = self._on_the_way[0]
            if first.data is None or not first.link.is_cut:
                return first.due_ms
            heapq.heappop(self._on_the_way)
        return None

    def take(self) -> Delivery:
        """What `next_due_ms` spoke of."""
        return heapq.heappop(self._on_the_way)

    def _put(
        self,
        link: Link,
        data: bytes | None,
        sent: tuple[Sent, ...],
        due_ms: int,
    ) -> None:
        link.last_due_ms = due_ms = max(due_ms, link.last_due_ms)
        self._sequence += 1
        delivery = Delivery(due_ms, self._sequence, link, data, sent)
        heapq.heappush(self._on_the_way, delivery)

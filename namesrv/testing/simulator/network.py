"""A virtual network: bytes are late, cut and repeated, but in order on each link.

Different links have no common order, like TCP connections.
"""

import heapq
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from namesrv.testing.simulator.requests import PeerRequest

PROMPT_MILLIS: Final = 1


class Sent(NamedTuple):
    """A request in transit."""

    request: PeerRequest
    is_oneway: bool
    opaque: int


@dataclass(slots=True)
class Link:
    """One TCP connection; `is_cut` drops bytes in transit. `has_ended` is set when the
    owner notices its end, `is_over` when the server does."""

    number: int
    last_due_ms: int = 0
    last_heard_ms: int = 0
    is_cut: bool = False
    has_ended: bool = False
    is_over: bool = False


@dataclass(slots=True, order=True)
class Delivery:
    """An arrival at the server: bytes with the requests that they complete; an end."""

    due_ms: int
    sequence: int
    link: Link = field(compare=False)
    data: bytes | None = field(compare=False)
    sent: tuple[Sent, ...] = field(compare=False)


class Network:
    """All links, and the bytes in transit."""

    def __init__(self) -> None:
        self._on_the_way: list[Delivery] = []
        self._sequence = 0
        self._connected = 0
        self._links: list[Link] = []

    def connect(self) -> Link:
        """Open a connection."""
        self._connected += 1
        link = Link(self._connected)
        self._links.append(link)
        return link

    def reset(self) -> None:
        """The server ended, with all its connections."""
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
        """Send bytes; they arrive after all earlier ones of the link."""
        self._put(link, data, sent, due_ms)

    def end(self, link: Link, due_ms: int) -> None:
        """The owner closes the link; the server notices it after the bytes sent."""
        link.has_ended = True
        self._put(link, None, (), due_ms)

    def cut(self, link: Link, due_ms: int) -> None:
        """The link breaks: bytes in transit are lost, and the server notices it."""
        link.is_cut = link.has_ended = True
        link.last_due_ms = 0
        self._put(link, None, (), due_ms)

    def next_due_ms(self) -> int | None:
        """The time of the next arrival; None if there is none."""
        while self._on_the_way:
            first = self._on_the_way[0]
            if first.data is None or not first.link.is_cut:
                return first.due_ms
            heapq.heappop(self._on_the_way)
        return None

    def take(self) -> Delivery:
        """The next arrival."""
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

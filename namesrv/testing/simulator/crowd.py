"""A crowd: for a while others have all turns, and requests that are read wait in line.

Requests that the hot path answers need no turn, and are answered all the same.
"""

from typing import NamedTuple

from namesrv.testing.simulator.network import Delivery, Link


class Waiting(NamedTuple):
    """A delivery, and whether it was read."""

    delivery: Delivery
    is_read: bool


class Crowd:
    """Deliveries that wait, in the order in which they came, until `until_ms`.

    A connection with one that waits is not read any further.
    """

    def __init__(self, until_ms: int) -> None:
        self.until_ms = until_ms
        self.line: list[Waiting] = []
        self._links: set[int] = set()

    def put(self, delivery: Delivery, *, is_read: bool) -> None:
        """Another one, last in line."""
        self.line.append(Waiting(delivery, is_read))
        self._links.add(delivery.link.number)

    def has(self, link: Link) -> bool:
        """Whether something of a connection waits."""
        return link.number in self._links

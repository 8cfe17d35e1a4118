"""A crowd: for a while other connections take all turns, and requests wait.

Requests that the hot path answers need no turn, and are answered at once.
"""

from typing import NamedTuple

from namesrv.testing.simulator.network import Delivery, Link


class Waiting(NamedTuple):
    """A delivery, and whether the server has read it."""

    delivery: Delivery
    is_read: bool


class Crowd:
    """Deliveries that wait until `until_ms`, in the order in which they came.

    A connection with a waiting delivery is not read.
    """

    def __init__(self, until_ms: int) -> None:
        self.until_ms = until_ms
        self.line: list[Waiting] = []
        self._links: set[int] = set()

    def put(self, delivery: Delivery, *, is_read: bool) -> None:
        """Add a delivery at the end."""
        self.line.append(Waiting(delivery, is_read))
        self._links.add(delivery.link.number)

    def has(self, link: Link) -> bool:
        """Whether a delivery of a connection waits."""
        return link.number in self._links

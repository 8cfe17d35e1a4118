"""Numbers of topics, their short names in snapshots; see `TopicQueues`."""

from collections.abc import Mapping
from typing import Final

from namesrv._impl import TopicQueues

MOST_TOPIC_NUMBER: Final = 2**32 - 1
"""The highest number that a snapshot has room for."""


class TopicNumbers:
    """The next topic gets `next`; `rounds` counts how often they ran out, and all
    topics got new ones."""

    def __init__(self) -> None:
        self.next = 0
        self.rounds = 0

    def reserve(self, number: int) -> None:
        """A snapshot has this number; no other topic ever gets it."""
        self.next = max(self.next, number + 1)

    def take(self, count: int, known: Mapping[str, TopicQueues]) -> int:
        """The first of the numbers of topics that are not among the known ones yet."""
        number = self.next
        if number + count - 1 > MOST_TOPIC_NUMBER:
            for number, entry in enumerate(known.values()):
                entry.number = number
            number = len(known)
            self.rounds += 1
        self.next = number + count
        return number

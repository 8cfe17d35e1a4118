"""The crowd: its members, their common facts, and their reports."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import ClassVar

from namesrv.testing.peer import Address, Peer

BROKERS = 3
TOPICS_OF_A_BROKER = 200

Member = Callable[["Crowd", int], None]


def topic_name(broker: int, number: int) -> str:
    """The name of a topic that only one broker ever has; of different lengths."""
    return f"topic-{broker}-{number:03}{'-long' * (number % 9)}"


class Crowd:
    """Members run until `ended` is set; a failure ends all of them."""

    PATIENCE_SECONDS: ClassVar = 60

    def __init__(self, address: Address) -> None:
        self.address = address
        self.ended = threading.Event()
        self.failures: list[str] = []
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def peer(self) -> Peer:
        """A new connection."""
        return Peer(self.address, self.PATIENCE_SECONDS)

    def count(self, **more: int) -> None:
        """Add to the counts that the summary shows."""
        with self._lock:
            self._counts.update(more)

    def fail(self, sentence: str) -> None:
        """Note a failure, and end."""
        self.failures.append(sentence)
        self.ended.set()

    def demand(self, is_so: bool, sentence: str) -> None:
        """Fail unless something is so."""
        if not is_so:
            self.fail(sentence)

    def run(self, member: Member, number: int) -> None:
        """One member, again and again."""
        while not self.ended.is_set():
            try:
                member(self, number)
            except (AssertionError, OSError, ValueError) as error:
                name = f"{member.__name__} {number}"
                self.fail(f"{name}: {type(error).__name__}: {error}")

    def summary(self) -> str:
        """One line."""
        shown = sorted(self._counts.items())
        return ", ".join(f"{name.replace('_', ' ')}: {n:,}" for name, n in shown)

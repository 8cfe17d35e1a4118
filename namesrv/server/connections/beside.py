"""Lookup lanes, as far as the connections of the loop know them."""

from typing import Protocol


class Beside(Protocol):
    """Serves connections on other threads; `open` is their number."""

    @property
    def open(self) -> int:
        """Connections that are not the loop's."""

    def let_run(self) -> bool:
        """Leave the core for a moment if one of these threads waits for it."""

    def note_own(self, count: int) -> None:
        """The loop has so many connections."""


class Nothing:
    """No other threads."""

    open = 0

    def let_run(self) -> bool:
        """Nobody waits."""
        return False

    def note_own(self, count: int) -> None:
        """Nobody counts."""

"""A peer, as the parts of `Connections` know it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from namesrv._impl import Connection

if TYPE_CHECKING:
    import asyncio


class Served(Protocol):
    """One peer that is served."""

    transport: "asyncio.Transport"
    connection: Connection
    has_sent: bool
    closing_since_ms: int | None

    @property
    def input_bytes(self) -> int:
        """Input that is kept."""

    @property
    def progress_ms(self) -> int:
        """When something that is kept began, or a frame before it was finished."""

    @property
    def handshake_since_ms(self) -> int | None:
        """When its TLS handshake began, if that has not ended."""

    @property
    def unsent_bytes(self) -> int:
        """Output that the peer has not taken."""

    def close(self) -> None:
        """Send the rest and close."""

    def cut_off(self) -> None:
        """Close it now, and drop its input."""

    def resume(self, answer: bytes | None = None) -> None:
        """Go on after a pause, with the answer that had to wait."""

    def send_pieces(self, pieces: Iterator[bytes], kept_bytes: int) -> None:
        """Answer with these, as the peer takes them, and go on after a pause."""

    def stop_reading(self) -> None:
        """Take no more input."""

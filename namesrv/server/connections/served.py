"""The interface of a peer for the parts of `Connections`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from namesrv._impl import Connection

if TYPE_CHECKING:
    import asyncio


class Served(Protocol):
    """One peer."""

    transport: "asyncio.Transport"
    connection: Connection
    has_sent: bool
    was_admitted: bool
    """Whether a lane has admitted it, by the limit of connections."""
    closing_since_ms: int | None

    @property
    def is_tls(self) -> bool:
        """Whether it speaks through TLS."""

    @property
    def input_bytes(self) -> int:
        """Bytes of kept input."""

    @property
    def progress_ms(self) -> int:
        """The time at which kept input began, or a frame before it ended."""

    @property
    def handshake_since_ms(self) -> int | None:
        """The start of a TLS handshake under way, or None."""

    @property
    def is_http(self) -> bool:
        """Whether its conversation is in HTTP."""

    @property
    def request_since_ms(self) -> int | None:
        """The beginning of an HTTP request of which a part has come, or None."""

    @property
    def is_lasting(self) -> bool:
        """Whether its answer in HTTP goes on, or waits for something to happen."""

    @property
    def unsent_bytes(self) -> int:
        """Bytes of output that the peer has not read."""

    def close(self) -> None:
        """Send the remaining output and close."""

    def cut_off(self) -> None:
        """Close now, and drop kept input."""

    def resume(self, answer: bytes | None = None) -> None:
        """Continue after a pause, with the late answer."""

    def send_pieces(self, pieces: Iterator[bytes], kept_bytes: int) -> None:
        """Answer with these pieces as the peer reads, then end the pause."""

    def time_out(self) -> None:
        """The HTTP request under way takes too long: answer that and close."""

    def stop_reading(self) -> None:
        """Take no more input."""

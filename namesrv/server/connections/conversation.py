"""The interface of a conversation with one peer: RocketMQ's protocol, or HTTP."""

from typing import Protocol


class Conversation(Protocol):
    """Plain bytes in, plain bytes out. Pauses, faults and the end are those of the
    `Connection`, also for a conversation that is another object."""

    @property
    def buffered_bytes(self) -> int:
        """Bytes of kept input."""

    @property
    def progress_ms(self) -> int:
        """The time at which kept input began, or a request before it ended."""

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """Process input; the bytes to send."""

    def resume(self, now_ms: int, answer: bytes = b"") -> bytes:
        """Continue after a pause; `answer` is the late answer, if one was awaited."""


class HttpConversation(Conversation, Protocol):
    """A conversation in HTTP on a `Connection`, which a companion makes.

    Late answers of the processor come to it as frames.
    """

    @property
    def request_since_ms(self) -> int | None:
        """The time at which the request began of which a part has come, or None."""

    @property
    def is_lasting(self) -> bool:
        """Whether its answer goes on, or waits for something to happen, so that the
        connection is not idle."""

    def take_end(self) -> bool:
        """Whether the peer has to see the end of the output now; True once."""

    def late_answer(self, frame: bytes) -> bytes:
        """The late answer as bytes to send, when nothing else may be answered yet."""

    def time_out(self) -> bytes:
        """The request takes too long: the last bytes to send."""

"""A blocking client of the benchmarks; its frames are those of the peer kit."""

from namesrv.testing.peer import Answer, Peer

HOST = "127.0.0.1"
OPAQUE = 1_000_000_000
"""The first of the ten-digit opaques that the load generators count on."""
_OPAQUE_NAME = b'"opaque":'


class AskFailed(Exception):
    """A server did not answer, or not as it must; the message is one sentence."""


def opaque_offset(frame: bytes) -> int:
    """Where the ten digits of the opaque begin. Raises AskFailed."""
    place = frame.find(b"%b%d" % (_OPAQUE_NAME, OPAQUE))
    if place < 0:
        raise AskFailed(f"there is no opaque {OPAQUE} in {frame[:200]!r}")
    return place + len(_OPAQUE_NAME)


class Client(Peer):
    """One blocking connection to a server on loopback."""

    def __init__(self, port: int, seconds: float = 30.0) -> None:
        super().__init__((HOST, port), seconds)

    def exchange(self, frame: bytes) -> Answer:
        """Send a frame, return its answer. Raises AskFailed."""
        try:
            return self.ask(frame)
        except OSError as error:
            raise AskFailed(f"a request was not answered: {error}") from None

    def ask_for(self, code: int, frame: bytes) -> Answer:
        """Send a frame, return its answer. Raises AskFailed when that has another code
        or no JSON header."""
        answer = self.exchange(frame)
        if answer.serialize_type:
            raise AskFailed(
                f"an answer's header has type {answer.serialize_type}, expected 0"
            )
        if answer.code != code:
            request = Answer(frame).header
            raise AskFailed(
                f"request {request['code']} was answered with code {answer.code},"
                f" expected {code}: {answer.remark}"
            )
        return answer

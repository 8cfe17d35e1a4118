"""Counts of connections and of their turns, from the start of a server on."""

from collections import Counter

from namesrv.errors import ConnectionFault


class ConnectionCounts:
    """`opened` connections were served, `refused` ones closed because of a limit,
    `cut_off` ones closed because of a budget or a limit.

    `turns` is the number of turns of the loop that had work for it, `waits` how often a
    connection waited for one. `faults` has the connections that broke the protocol, by
    the name of the exception.
    """

    __slots__ = ("cut_off", "faults", "opened", "refused", "turns", "waits")

    def __init__(self) -> None:
        self.opened = 0
        self.refused = 0
        self.cut_off = 0
        self.turns = 0
        self.waits = 0
        self.faults: Counter[str] = Counter()

    def note_fault(self, fault: ConnectionFault) -> None:
        """A connection broke the protocol."""
        self.faults[type(fault).__name__] += 1


class HttpCounts:
    """Bytes of HTTP inside TLS, and its answers by status."""

    __slots__ = ("answers", "received_bytes", "sent_bytes")

    def __init__(self) -> None:
        self.received_bytes = 0
        self.sent_bytes = 0
        self.answers: Counter[int] = Counter()

    def note_received(self, received_bytes: int) -> None:
        """Bytes came."""
        self.received_bytes += received_bytes

    def note_sent(self, sent_bytes: int) -> None:
        """Bytes are sent."""
        self.sent_bytes += sent_bytes

    def note_answer(self, status: int) -> None:
        """A request was answered."""
        self.answers[status] += 1

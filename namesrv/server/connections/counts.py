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


class LastingCounts:
    """Answers of HTTP that take their time: `streams` of events and `waits` for routes
    that are open now, and since the start those that were `refused` because of a limit,
    streams `cut_off` because their peer did not read, and events `sent`."""

    __slots__ = ("cut_off", "refused", "sent", "streams", "waits")

    def __init__(self) -> None:
        self.streams = 0
        self.waits = 0
        self.refused = 0
        self.cut_off = 0
        self.sent = 0


class HttpCounts:
    """Bytes of HTTP inside TLS, its answers by status, and those that are `lasting`."""

    __slots__ = ("answers", "lasting", "received_bytes", "sent_bytes")

    def __init__(self) -> None:
        self.lasting = LastingCounts()
        self.received_bytes = 0
        self.sent_bytes = 0
        self.answers: Counter[int] = Counter()

    def note_received(self, received_bytes: int) -> None:
        """Bytes came."""
        self.received_bytes += received_bytes

    def note_answer(self, status: int, sent_bytes: int) -> None:
        """A request was answered."""
        self.answers[status] += 1
        self.sent_bytes += sent_bytes

    def note_sent(self, sent_bytes: int) -> None:
        """A piece of an answer was sent that goes on."""
        self.sent_bytes += sent_bytes

    def note_exchange(self, received_bytes: int, status: int, sent_bytes: int) -> None:
        """A request came, and was answered at once."""
        self.received_bytes += received_bytes
        self.answers[status] += 1
        self.sent_bytes += sent_bytes

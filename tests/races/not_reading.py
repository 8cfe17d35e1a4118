"""A client that asks for more than fits into sockets, and reads late."""

import socket
import time

from namesrv.testing.peer import lookup
from tests.races.crowd import Crowd, topic_name

_LOOKUPS = 4_000
_PAUSE_SECONDS = 0.3


def read_late(crowd: Crowd, number: int) -> None:
    """All answers come, in order, however late they are read."""
    with crowd.peer() as peer:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        peer.send(*(lookup(topic_name(0, i % 50), i) for i in range(_LOOKUPS)))
        time.sleep(_PAUSE_SECONDS)
        for i, answer in enumerate(peer.read_answers(_LOOKUPS)):
            crowd.demand(answer.opaque == i, "late answers are out of order")
    crowd.count(late_answers=_LOOKUPS)

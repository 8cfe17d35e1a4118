"""Clients that look up as fast as they can, and only count the answers."""

import random
from collections.abc import Callable

from namesrv.testing.peer import lookup
from tests.races.crowd import Crowd
from tests.races.looking_up import some_topic

_READS = 200
_LOOKUPS = 400
_READ_BYTES = 1 << 20


def hammer(crowd: Crowd, number: int) -> None:
    """The same lookups again and again; each has one whole answer."""
    chance = random.Random()
    data = b"".join(lookup(some_topic(chance)) for _ in range(_LOOKUPS))
    with crowd.peer() as peer:
        for _ in range(_READS):
            if crowd.ended.is_set():
                break
            peer.send(data)
            _count_answers(crowd, peer.socket.recv)
            crowd.count(counted_lookups=_LOOKUPS)


def _count_answers(crowd: Crowd, recv: Callable[[int], bytes]) -> None:
    """Read as many frames as there were lookups, and no byte more."""
    rest = b""
    left = _LOOKUPS
    while left:
        data = recv(_READ_BYTES)
        if not data:
            raise ConnectionError("the server closed the connection")
        data = rest + data
        place = 0
        while len(data) - place >= 4:
            end = place + 4 + int.from_bytes(data[place : place + 4])
            if end > len(data):
                break
            place = end
            left -= 1
        rest = data[place:]
    crowd.demand(not rest, "there are more answers than lookups")

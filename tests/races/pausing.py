"""A client of many connections, each of which pauses in the middle of a frame for as
long as a lane waits for the rest."""

import random
import time

from namesrv.testing.peer import lookup
from tests.races.crowd import Crowd
from tests.races.looking_up import some_topic

_CONNECTIONS = 100
_SHORTEST_SECONDS, _LONGEST_SECONDS = 0.9, 1.3


def pause(crowd: Crowd, number: int) -> None:
    """Every frame is answered, by the lane or by the loop."""
    chance = random.Random()
    peers = [crowd.peer() for _ in range(_CONNECTIONS)]
    data = lookup(some_topic(chance), number)
    for peer in peers:
        peer.send(data, data[:20])
    began = time.monotonic()
    for i, peer in enumerate(peers):
        share = _SHORTEST_SECONDS + (_LONGEST_SECONDS - _SHORTEST_SECONDS) * i / 100
        time.sleep(max(0, began + share - time.monotonic()))
        peer.send(data[20:])
    for peer in peers:
        first, second = peer.read_answers(2)
        crowd.demand(first.opaque == second.opaque == number, "another's answer")
        peer.close()
    crowd.count(pauses=_CONNECTIONS)

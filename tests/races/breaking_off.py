"""Clients that end in the middle: of a frame, of their answers, of a miss."""

import random

from namesrv.codes import RequestCode
from namesrv.testing.peer import lookup, request
from tests.races.crowd import Crowd
from tests.races.looking_up import some_topic

_MOST_LOOKUPS = 40
_OTHERS = (
    b"",
    b"GET / HTTP/1.1\r\n",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
    b"\x16\x03\x01",
    b"\0\0\0\0\0\0\0\0",
    request(RequestCode.GET_BROKER_CLUSTER_INFO),
    lookup('with "quotes"'),
)


def break_off(crowd: Crowd, number: int) -> None:
    """Send some lookups and a part of something, and go in one of four ways."""
    chance = random.Random()
    with crowd.peer() as peer:
        count = chance.randrange(_MOST_LOOKUPS)
        frames = [lookup(some_topic(chance)) for _ in range(count)]
        last = chance.choice((*_OTHERS, lookup("half"), lookup("half")))
        way = chance.choice(("reset", "read and reset", "close", "finish"))
        try:
            peer.send(*frames, last[: chance.randrange(len(last) + 1)])
            if way == "read and reset" and count:
                peer.read_answer()
            if way == "finish":
                peer.finish()
                peer.read_to_end()
            elif way != "close":
                peer.reset()
        except ConnectionError:
            # The server closes the connection of a broken frame.
            crowd.count(closed_by_the_server=1)
    crowd.count(broken_off=1)

"""Connections and whole servers that end, also while they hold each other."""

import gc
import sys
import weakref

from namesrv._impl import BrokerLiveInfo
from namesrv.testing.peer import request
from tests.parity.leaks.measure import keep_nothing
from tests.parity.leaks.server import NOW_MS, Server

server = Server(lambda *arguments: b"")
part = request(105, {"topic": "known"})[:-5]


def connections() -> None:
    for number in range(10):
        peer = server.connect()
        peer.receive(part, NOW_MS)
        peer.brokers.add(("c", "a"))
        peer.finish()
        if number % 2:
            peer.abandon()


def servers() -> None:
    """The table holds the connection, which holds the hot path, which holds it."""
    mine = Server()
    mine.hot.cold_path = lambda *arguments: mine.body
    peer = mine.connect()
    peer.receive(request(105, {"topic": "known"}), NOW_MS)
    mine.table.put(BrokerLiveInfo("c", "x", "b", 1, None, None, peer), NOW_MS)
    peer.brokers.add(("c", "x"))
    ends[len(ends) % 50] = weakref.ref(peer)


def losses() -> None:
    """Two connections take a broker from each other, and lose more than that."""
    one, other = server.connect(), server.connect()
    for number in range(100):
        for peer in (one, other):
            peer.brokers.add(("c", f"{number}"))
            peer.brokers.lose(("c", f"{number}"))


ends: dict[int, weakref.ref[object]] = {}
keep_nothing("connections", connections, 10, server.watched())
keep_nothing("losses", losses, 200, server.watched())
for _ in range(50):
    servers()
gc.collect()
alive = sum(end() is not None for end in ends.values())
if alive:
    sys.exit(f"{alive} of 50 servers that nobody holds are still there")
keep_nothing("servers", servers, 1, {"the body": server.body}, 10_000)

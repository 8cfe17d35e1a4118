"""Routes: known, unknown, in both dialects and encodings, one-way, to be escaped."""

from namesrv.testing.peer import binary_request
from tests.parity.leaks.measure import keep_nothing, some
from tests.parity.leaks.server import NOW_MS, Server

server = Server()
receive = server.connection.receive
KINDS = {
    "lookups": some(50, 105, {"topic": "known"}, opaque=10**9),
    "legacy lookups": some(50, 105, {"topic": "known"}, version=317),
    "binary lookups": binary_request(105, {"topic": "known"}) * 50,
    "unknown topics": some(50, 105, {"topic": "unknown"}, opaque=-(10**9)),
    "binary unknown topics": binary_request(105, {"topic": "unknown"}) * 50,
    "topics to be escaped": binary_request(105, {"topic": 'a"b'}) * 50,
    "one-way lookups": some(50, 105, {"topic": "known"}, flag=2),
}
for what, read in KINDS.items():
    keep_nothing(what, lambda: receive(read, NOW_MS), 50, server.watched())  # noqa: B023
    assert server.connection.fault is None

"""103 that repeats the last one, and 103 that nearly does."""

import zlib

from namesrv.wire.registration_digest import registration_digest
from tests.parity.leaks.measure import FEWER, keep_nothing, some
from tests.parity.leaks.server import NOW_MS, Server

body = b'{"a registration":"of a broker"}'
known = {
    "clusterName": "c",
    "brokerAddr": "a",
    "bodyCrc32": str(zlib.crc32(body) & 0x7FFFFFFF),
}
server = Server(lambda *arguments: b"")
server.info.digest = registration_digest(479, known, body)
server.table.renew(server.info, server.connection, NOW_MS)
server.info.answer_ext_fields = '{"masterAddr":"m"}'
receive = server.connection.receive
read = some(20, 103, known, body, opaque=10**9)
epoch = server.info.epoch
keep_nothing(
    "repeated registrations",
    lambda: receive(read, NOW_MS),
    20,
    server.watched(),
)
assert server.info.epoch - epoch > 1_000_000, "they were not hot"
changed = {**known, "bodyCrc32": "1"}
read = some(20, 103, changed, body)
keep_nothing(
    "wrong checksums", lambda: receive(read, NOW_MS), 20, server.watched(), FEWER
)

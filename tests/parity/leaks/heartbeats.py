"""904 and 322, of a known and of an unknown broker."""

from namesrv.testing.peer import binary_request
from namesrv.wire.bodies import write_data_version
from tests.parity.leaks.measure import keep_nothing, some
from tests.parity.leaks.server import NOW_MS, Server

server = Server()
receive = server.connection.receive
known = {"clusterName": "c", "brokerAddr": "a"}
unknown = {"clusterName": "c", "brokerAddr": "b"}
same = write_data_version(server.version).encode()
KINDS = {
    "heartbeats": some(50, 904, known, opaque=10**9),
    "binary heartbeats": binary_request(904, known) * 50,
    "heartbeats of nobody": some(50, 904, unknown),
    "equal versions": some(50, 322, known, same),
    "other versions": some(50, 322, known, same.replace(b"0", b"1")),
    "binary versions": binary_request(322, known, same) * 50,
}
for what, read in KINDS.items():
    keep_nothing(what, lambda: receive(read, NOW_MS), 50, server.watched())  # noqa: B023
    assert server.connection.fault is None

"""How much memory one-way lookups of a long answer take: run by itself, as
`python -m tests.hot_path.one_way_peak TWIN connection`, or `lane`. Prints the bytes.
"""

import sys
from functools import partial

from namesrv.codes import FLAG_ONEWAY
from namesrv.testing.peer import request
from namesrv.testing.twins import load_twin
from tests.hot_path.lone_connection import Peer
from tests.parity.leaks.measure import peak_bytes

LONG_BYTES = 64 << 20
SOME = 50


def main() -> None:
    """Ask, and print."""
    twin = load_twin(sys.argv[1])
    peer = Peer(twin)
    peer.answers = twin.RouteAnswers(4 * LONG_BYTES)
    peer.path = twin.HotPath(peer.answers, peer.live, peer.cold, 1 << 24)
    peer.path.hot_codes = 7
    peer.answers.mark("T")
    peer.answers.put("T", True, bytes(LONG_BYTES))
    receive = twin.Lookups(peer.path).receive
    if sys.argv[2] == "connection":
        connection = twin.Connection(peer.path, "10.0.0.9:4000")
        receive = partial(connection.receive, now_ms=0)
    before = peak_bytes()
    output = receive(request(105, {"topic": "T"}, flag=FLAG_ONEWAY) * SOME)
    if output or peer.cold.asked:
        sys.exit("the lookups were not answered in silence")
    print(peak_bytes() - before)


if __name__ == "__main__":
    main()

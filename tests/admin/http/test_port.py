"""HTTP on the port of the remoting protocol, over real sockets."""

import subprocess
import sys
from pathlib import Path

from namesrv.testing.peer import Peer, lookup
from tests.admin.served import Echo, asking, serving_http

NO_ROUTE = 17


def test_one_port_serves_both_protocols(tmp_path: Path) -> None:
    with serving_http(tmp_path, Echo()) as server:
        address = server.addresses[0]
        client = asking(address)
        for number in range(3):
            client.request("POST", f"/a/{number}?q=1", b"body")
            answer = client.getresponse()
            assert answer.status == 200
            assert answer.read() == b"POST /a/%d q=1 body" % number
        with Peer(address) as peer:
            assert peer.ask(lookup("t")).code == NO_ROUTE
        client.close()


def test_server_without_http_has_imported_nothing_of_it() -> None:
    script = """
import sys
from namesrv import Options, serving
from namesrv.admin.companion import HttpCompanion
from namesrv.testing.peer import Peer, lookup
options = Options(bind_address="127.0.0.1", listen_port=0)
with serving(options, companions=[HttpCompanion()]) as server:
    with Peer(server.addresses[0]) as peer:
        peer.ask(lookup("t"))
    late = ("httptools", "prometheus_client", "namesrv.admin.api", "http")
    print([name for name in sys.modules if name.startswith(late)])
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split("\n")[0] == "[]"

"""HTTP on the port of the remoting protocol, over real sockets and on both loops."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from namesrv.admin.http.limits import LONGEST_BODY_BYTES
from namesrv.admin.http.messages import Asked, HttpAnswer
from namesrv.codes import RequestCode
from namesrv.server.running.serving import ServingThread
from namesrv.testing.peer import Peer, get_kv, lookup
from namesrv.wire.command import RemotingCommand
from tests.admin.http.smuggling import CORPUS
from tests.admin.http.talk import answers, post, request
from tests.admin.served import Echo, asked, asking, serving_http
from tests.server.proxy_headers import PROXY_V1, PROXY_V2
from tests.server.tls.tls_peer import TlsPeer

NO_ROUTE, SUCCESS = 17, 0
LAST = "Connection: close"

Start = Callable[..., ServingThread]


@pytest.fixture(params=["asyncio", "uvloop"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """Starts servers with an echo and the options given, until the test is over."""
    with ExitStack() as stack:

        def begin(echo: Echo | None = None, **options: Any) -> ServingThread:
            return stack.enter_context(
                serving_http(tmp_path, echo or Echo(), loop=request.param, **options)
            )

        yield begin


class TestOnePort:
    def test_serves_both_protocols(self, start: Start) -> None:
        address = start().addresses[0]
        client = asking(address)
        for number in range(3):
            client.request("POST", f"/a/{number}", b"body")
            answer = client.getresponse()
            assert answer.status == 200
            found = json.loads(answer.read())
            assert (found["path"], found["body"]) == (f"/a/{number}", "body")
        with Peer(address) as peer:
            assert peer.ask(lookup("t")).code == NO_ROUTE
        client.close()

    def test_first_requests_wait_for_the_import(self, start: Start) -> None:
        address = start().addresses[0]
        peers = [Peer(address) for _ in range(5)]
        for peer in peers:
            peer.send(request("/a"), request("/b", LAST))
        for peer in peers:
            with peer:
                assert [a.status for a in answers(peer.read_to_end())] == [200, 200]

    @pytest.mark.parametrize("header", [PROXY_V1, PROXY_V2])
    def test_behind_a_proxy(self, start: Start, header: bytes) -> None:
        with Peer(start().addresses[0]) as peer:
            peer.send(header, request("/a", LAST))
            (answer,) = answers(peer.read_to_end())
        assert json.loads(answer.body)["peer"] == "192.0.2.7:4321"

    @pytest.mark.parametrize("prefix", [b"", PROXY_V1])
    def test_inside_tls(self, start: Start, prefix: bytes) -> None:
        address = start().addresses[0]
        with TlsPeer(address, prefix=prefix) as peer:
            peer.send(request("/a"), post(b"body", "/b"), request("/c", LAST))
            found = [json.loads(a.body) for a in answers(peer.read_to_end())]
        assert [item["path"] for item in found] == ["/a", "/b", "/c"]
        with TlsPeer(address, prefix=prefix) as peer:
            assert peer.ask(lookup("t")).code == NO_ROUTE

    def test_first_word_may_come_in_bytes(self, start: Start) -> None:
        address = start().addresses[0]
        for peer in (Peer(address), TlsPeer(address)):
            with peer:
                for byte in b"DELETE":
                    peer.send(bytes([byte]))
                peer.send(request("/a", LAST, method="DELETE")[6:])
                assert [a.status for a in answers(peer.read_to_end())] == [200]

    def test_is_off_with_its_option(self, start: Start) -> None:
        address = start(http_access="off").addresses[0]
        for peer in (Peer(address), TlsPeer(address)):
            with peer:
                peer.send(request("/a"))
                assert peer.read_to_end() == b""

    def test_processor_is_asked(self, start: Start) -> None:
        fields: dict[str, str | None] = {"namespace": "n", "key": "k", "value": "v"}

        def put(_: object) -> Asked:
            command = RemotingCommand(RequestCode.PUT_KV_CONFIG, ext_fields=fields)
            return Asked(command, lambda answer: HttpAnswer(200 + answer.code))

        address = start(Echo(handlers={"/put": put})).addresses[0]
        with Peer(address) as peer:
            peer.send(request("/put"), request("/b", LAST))
            assert [a.status for a in answers(peer.read_to_end())] == [200, 200]
        with Peer(address) as peer:
            assert peer.ask(get_kv("n", "k")).code == SUCCESS


class TestEnds:
    def test_refusal_reaches_a_client_that_goes_on_sending(self, start: Start) -> None:
        address = start().addresses[0]
        for _ in range(5):
            with Peer(address) as peer:
                body = b"x" * (LONGEST_BODY_BYTES + 1)
                peer.send(post(body, "/a")[: 1 << 20])
                (answer,) = answers(peer.read_to_end())
                assert answer.status == 413

    @pytest.mark.parametrize("secure", [False, True])
    def test_malformed_request_is_answered_and_closed(
        self, start: Start, secure: bool
    ) -> None:
        address = start().addresses[0]
        kinds = list(CORPUS) if not secure else list(CORPUS)[:5]
        for kind in kinds:
            if not CORPUS[kind].startswith((b"GET ", b"POST ", b"PRI ")):
                continue
            with TlsPeer(address) if secure else Peer(address) as peer:
                peer.send(CORPUS[kind])
                (answer,) = answers(peer.read_to_end())
                assert answer.status >= 400, kind

    def test_request_before_fin_is_answered(self, start: Start) -> None:
        with Peer(start().addresses[0]) as peer:
            peer.send(request("/a"))
            peer.finish()
            assert [a.status for a in answers(peer.read_to_end())] == [200]

    def test_unfinished_request_is_answered_after_its_deadline(
        self, start: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limit = "namesrv.server.connections.request_deadlines.REQUEST_MILLIS"
        monkeypatch.setattr(limit, 200)
        address = start().addresses[0]
        stuck = [Peer(address) for _ in range(20)]
        for number, peer in enumerate(stuck):
            peer.send(post(b"x" * 50)[: 20 + number])
        for peer in stuck:
            (answer,) = answers(peer.read_to_end())
            assert (answer.status, answer.headers["Connection"]) == (408, "close")
            peer.close()


class TestHttpBind:
    def test_address_of_its_own_serves_http_alone(self, start: Start) -> None:
        server = start(http_bind="127.0.0.1:0, 127.0.0.1:0")
        first, second = server.http_addresses
        assert first != second and first not in server.addresses
        assert asked(first, "/a")[0] == asked(second, "/a")[0] == 200
        for peer in (Peer(first), TlsPeer(first)):
            with peer:
                peer.send(lookup("t"))
                assert peer.read_to_end() == b""
        with TlsPeer(second) as peer:
            peer.send(request("/a", LAST))
            assert [a.status for a in answers(peer.read_to_end())] == [200]
        assert asked(server.addresses[0], "/a")[0] == 200


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
    late = ("httptools", "prometheus_client", "http")
    ours = ("namesrv.admin.api", "namesrv.admin.http", "namesrv.admin.metrics")
    print([name for name in sys.modules if name.startswith((*late, *ours))])
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[]\n"

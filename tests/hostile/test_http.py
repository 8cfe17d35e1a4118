"""HTTP from hostile peers: stuck, deaf, ambiguous, and too many requests at once."""

import pytest

from namesrv.testing.peer import Broker, Peer
from tests.admin.http.smuggling import CORPUS, SMUGGLED
from tests.admin.http.talk import answers, request
from tests.hostile.attacked_server import AttackedServer
from tests.hostile.conftest import Lay
from tests.server.server_thread import LOOPS

both_loops = pytest.mark.parametrize("loop_name", LOOPS)

REGISTRATION = "/v1/clusters/c/brokers/b/0"
JSON = "Content-Type: application/json"
CHUNKED = request(REGISTRATION, JSON, "Transfer-Encoding: chunked", method="PUT")
UNFINISHED = (
    b"GET ",
    b"GET /readyz HTTP/1.1\r\nHost: a\r\nX: ",
    request("/readyz")[:-1],
    request(REGISTRATION, JSON, "Content-Length: 99999", method="PUT") + b"{",
    CHUNKED,
    CHUNKED + b"5\r\nabc",
    CHUNKED + b"3\r\nabc\r\n0\r\nTrailer: ",
    request(
        REGISTRATION, JSON, "Expect: 100-continue", "Content-Length: 5", method="PUT"
    ),
)
ASKED = 200


def many_topics(attacked: AttackedServer) -> None:
    """Register topics, so that lists and metrics are long."""
    peer = attacked.peer()
    for number in range(20):
        broker = Broker(f"broker-{number}", addr=f"127.0.0.1:{number + 1}")
        topics = {f"topic-with-an-ordinary-name-{n:04}": 8 for n in range(1000)}
        assert peer.ask(broker.registration(topics)).code == 0


@both_loops
def test_stuck_and_deaf_connections_delay_nobody(
    lay_siege: Lay, loop_name: str
) -> None:
    attacked = lay_siege("--loop", loop_name)
    many_topics(attacked)
    stuck = [attacked.peer() for _ in range(200)]
    for number, peer in enumerate(stuck):
        peer.send(UNFINISHED[number % len(UNFINISHED)])
    deaf = [attacked.peer() for _ in range(20)]
    for peer in deaf:
        peer.send(request("/v1/topics?limit=500") * 200)
    longest = max(attacked.ask_witness() for _ in range(ASKED))
    print(f"longest lookup of {ASKED}: {longest * 1000:.0f} ms")
    for peer in stuck:
        output = peer.read_to_end().removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        (answer,) = answers(output)
        assert (answer.status, answer.headers["Connection"]) == (408, "close")
    attacked.ask_witness()


@both_loops
def test_deaf_readers_have_one_budget(lay_siege: Lay, loop_name: str) -> None:
    budget = ("--output-budget-bytes", str(1 << 20))
    buffers = ("--server-socket-snd-buf-size", str(16 << 10))
    attacked = lay_siege("--loop", loop_name, *budget, *buffers)
    many_topics(attacked)
    for _ in range(20):
        attacked.peer().send(request("/v1/topics?limit=500") * 100)
    attacked.server.wait_for_log("output budget exceeded")
    attacked.ask_witness()


def test_requests_sent_ahead_wait_for_turns(lay_siege: Lay) -> None:
    attacked = lay_siege()
    peers = [attacked.peer() for _ in range(10)]
    for peer in peers:
        peer.send(request("/readyz") * 2000)
    longest = max(attacked.ask_witness() for _ in range(ASKED))
    print(f"longest lookup of {ASKED}: {longest * 1000:.0f} ms")
    for peer in peers:
        peer.finish()
        assert len(answers(peer.read_to_end())) == 2000


def test_small_chunks_wait_for_turns(lay_siege: Lay) -> None:
    attacked = lay_siege()
    peers = [attacked.peer() for _ in range(5)]
    for peer in peers:
        peer.send(CHUNKED + b"1\r\nx\r\n" * 50_000)
    for _ in range(ASKED):
        attacked.ask_witness()
    for peer in peers:
        peer.send(b"0\r\n\r\n")
        peer.finish()
        (answer,) = answers(peer.read_to_end())
        assert answer.status == 400


def test_ambiguous_requests_are_refused(attacked: AttackedServer) -> None:
    for kind, data in CORPUS.items():
        with attacked.server.peer() as peer:
            peer.send(data + SMUGGLED)
            peer.finish()
            output = peer.read_to_end()
        assert b"/smuggled" not in output, kind
        assert output == b"" or answers(output)[0].status >= 400, kind
    attacked.ask_witness()


def test_requests_that_reset(attacked: AttackedServer) -> None:
    for number in range(100):
        peer: Peer = attacked.server.peer()
        peer.send(request("/readyz") * (number % 5), UNFINISHED[number % 8])
        peer.reset()
    attacked.ask_witness()

"""Streams and waits of hostile peers: deaf, gone, impatient, too many."""

import socket

import pytest

from namesrv.testing.peer import Broker, Peer, data_version
from tests.admin.http.talk import answers, request
from tests.admin.streams.waiter import Waiter
from tests.hostile.attacked_server import AttackedServer, send_what_is_taken
from tests.hostile.conftest import Lay
from tests.server.server_thread import LOOPS

both_loops = pytest.mark.parametrize("loop_name", LOOPS)

STREAM = request("/v1/events")
WAIT = request("/v1/topics/Nowhere/route?wait=5m")
BUFFERS = ("--server-socket-snd-buf-size", str(16 << 10))
TOPICS = 400


def change_topics(attacked: AttackedServer, broker: Peer, times: int) -> None:
    """Each registration is an event with names of 8,192 characters."""
    for number in range(times):
        topics = {
            f"topic-with-an-ordinary-name-{n:04}": number + 1 for n in range(TOPICS)
        }
        sent = Broker().registration(topics, version=data_version(number))
        assert broker.ask(sent).code == 0
        attacked.ask_witness()


@both_loops
def test_deaf_streams_are_cut_off_and_delay_nobody(
    lay_siege: Lay, loop_name: str
) -> None:
    attacked = lay_siege("--loop", loop_name, *BUFFERS)
    reader, *deaf = attacked.peer(), *(attacked.deaf_peer() for _ in range(20))
    for peer in (reader, *deaf):
        peer.send(STREAM)
        # Its stream has begun, and nothing is read.
        assert peer.socket.recv(1, socket.MSG_PEEK)
    broker = attacked.peer()
    change_topics(attacked, broker, 60)
    attacked.server.wait_for_log("closing a stream of events, its peer does not read")
    assert reader.socket.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
    attacked.ask_witness()


def test_streams_beyond_the_limit_are_refused(lay_siege: Lay) -> None:
    attacked = lay_siege("--max-event-streams", "20")
    kept = [attacked.peer() for _ in range(5)]
    for peer in kept:
        peer.send(STREAM)
        assert peer.socket.recv(4096).startswith(b"HTTP/1.1 200")
    for _ in range(200):
        with attacked.server.peer() as peer:
            peer.send(STREAM)
            peer.finish()
            (answer,) = answers(peer.read_to_end())
        assert answer.status == 503
    attacked.ask_witness()


def test_streams_and_waits_that_reset(attacked: AttackedServer) -> None:
    for number in range(300):
        peer = attacked.server.peer()
        peer.send(STREAM if number % 2 else WAIT * (1 + number % 4))
        peer.reset()
    attacked.ask_witness()
    waiting = attacked.peer()
    waiting.send(WAIT)
    stream = attacked.peer()
    stream.send(STREAM)
    output = b""
    while b"event: picture" not in output:
        more = stream.socket.recv(65536)
        assert more, output
        output += more


def test_a_crowd_that_waits_is_answered_and_delays_nobody(
    attacked: AttackedServer,
) -> None:
    hosts = [f"127.0.0.{1 + number % 8}" for number in range(300)]
    crowd = [Waiter(attacked.server.address, host) for host in hosts]
    for waiter in crowd:
        waiter.send("?wait=5m", "Awaited")
    broker = attacked.peer()
    broker.send(Broker().registration({"Awaited": 1, "Else": 1}))
    longest = max(attacked.ask_witness() for _ in range(100))
    print(f"longest lookup of 100: {longest * 1000:.0f} ms")
    for waiter in crowd:
        assert waiter.read().status == 200
        waiter.close()


def test_waits_sent_ahead_are_answered_in_order(attacked: AttackedServer) -> None:
    waiter = Waiter(attacked.server.address)
    for _ in range(500):
        waiter.send("?wait=5m")
    waiter.send()
    assert [waiter.read().status for _ in range(501)] == [404] * 501
    waiter.close()


def test_endless_input_behind_a_stream(attacked: AttackedServer) -> None:
    peer = attacked.peer()
    send_what_is_taken(peer, STREAM + b"x" * 1_000_000)
    output = peer.read_to_end()
    assert output.startswith(b"HTTP/1.1 200 OK\r\n")
    attacked.ask_witness()

"""Lanes read all input of a connection, and see its end, which epoll reports once.

These tests need lanes (conftest.py).
"""

import socket

import pytest

from namesrv.codes import ResponseCode
from namesrv.testing.peer import Peer, lookup, wait_until
from tests.server.lanes.conftest import Serve
from tests.server.lanes.laned_server import LanedServer

# Longer than three reads of a lane, with answers that do not make it pause.
MANY = 2000
# Somewhat longer than one read.
FULL = 450


def lookups(count: int) -> bytes:
    return b"".join(lookup("Orders1", number) for number in range(count))


def opaques(peer: Peer, count: int) -> list[int]:
    answers = peer.read_answers(count)
    assert {answer.code for answer in answers} == {ResponseCode.SUCCESS}
    return [answer.opaque for answer in answers]


def has_gone(server: LanedServer, connections: int) -> bool:
    return len(server.server.inside.connections) == connections


@pytest.mark.parametrize("ends", [False, True])
def test_input_that_came_during_a_question_is_read_to_its_end(
    serve: Serve, ends: bool
) -> None:
    server = serve()
    with server.register():
        server.make_ready("Orders1")
        with server.peer() as peer:
            with server.stopped_loop():
                peer.send(lookup("Orders2", MANY))
                wait_until(lambda: server.lanes.counts.asked == 2)
                peer.send(lookups(MANY))
                if ends:
                    peer.socket.shutdown(socket.SHUT_WR)
            assert opaques(peer, 1 + MANY) == [MANY, *range(MANY)]
            if ends:
                assert peer.socket.recv(1) == b""
            else:
                assert peer.ask(lookup("Orders1")).code == ResponseCode.SUCCESS
        wait_until(lambda: has_gone(server, 1))
    assert server.lanes.counts.asked == 2  # that of `make_ready`, and this one


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("count", [1, 26, 27, 200])
def test_first_input_is_read_to_its_end(serve: Serve, count: int, ends: bool) -> None:
    server = serve()
    with server.register():
        server.make_ready("Orders1")
        for _ in range(10):
            with server.peer() as peer:
                peer.send(lookups(count))
                if ends:
                    peer.socket.shutdown(socket.SHUT_WR)
                assert opaques(peer, count) == list(range(count))
                if ends:
                    assert peer.socket.recv(1) == b""
        wait_until(lambda: has_gone(server, 1))
    assert server.lanes.counts.asked == 1
    assert server.handed_over() == 1  # the broker's: no part of a frame waited long


def test_reads_of_many_peers_at_once_are_answered_each_to_its_own(serve: Serve) -> None:
    server = serve()
    with server.register():
        server.make_ready("Orders1")
        peers = [server.peer() for _ in range(100)]
        for _ in range(10):
            for number, peer in enumerate(peers):
                # Parts of frames, too: they are kept behind the reads of others.
                peer.send(lookup("Orders1", number), lookup("Orders1", -number - 1)[:9])
            for number, peer in enumerate(peers):
                peer.send(lookup("Orders1", -number - 1)[9:])
            for number, peer in enumerate(peers):
                assert opaques(peer, 2) == [number, -number - 1]
        for peer in peers:
            peer.close()
    wait_until(lambda: has_gone(server, 0))
    assert server.lanes.counts.asked == 1


def test_input_behind_urgent_data_is_read(serve: Serve) -> None:
    server = serve()
    with server.register(), server.peer() as peer:
        server.make_ready("Orders1")
        with server.stopped_loop():
            peer.send(lookup("Orders2", 0))
            wait_until(lambda: server.lanes.counts.asked == 2)
            peer.send(lookup("Orders1", 1))
            peer.socket.send(b"!", socket.MSG_OOB)
            peer.send(lookup("Orders1", 2))
        assert opaques(peer, 3) == [0, 1, 2]
    assert server.handed_over() == 1  # the broker's


def test_whole_reads_of_many_peers_at_once_fit(serve: Serve) -> None:
    server = serve()
    with server.register():
        server.make_ready("Orders1")
        peers = [server.peer() for _ in range(40)]
        with server.stopped_loop():
            for peer in peers:
                peer.send(lookup("Orders2", MANY))
            wait_until(lambda: server.lanes.counts.asked == 1 + len(peers))
            for peer in peers:
                peer.send(lookups(FULL))
        for peer in peers:
            assert opaques(peer, 1 + FULL) == [MANY, *range(FULL)]
            peer.close()

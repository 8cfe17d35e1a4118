"""Answers that are sent in pieces: order, turns of others, peers that do not read."""

import json
from pathlib import Path

import pytest

from namesrv.codes import FLAG_ONEWAY, RequestCode
from namesrv.routing.events import Cause, CauseKind
from namesrv.routing.requests.kv import LONG_ANSWER_BYTES
from namesrv.server.connections.peer import _PIECE_BYTES
from namesrv.testing.peer import Peer, lookup, request
from tests.server.loop_free_server import LoopFreePeer, LoopFreeServer, SetStage
from tests.server.server_thread import LOOPS, ServerThread, local_options

VALUE_BYTES = 1000
CAUSE = Cause(CauseKind.REQUEST)
KEYS = {f"k{n:03}": "v" * VALUE_BYTES for n in range(400)}
KV_FILE = json.dumps({"configTable": {"n": KEYS}})
SIZE = len(json.dumps({"table": KEYS}, separators=(",", ":")))


def ask_all(opaque: int = 0, flag: int = 0) -> bytes:
    return request(
        RequestCode.GET_KVLIST_BY_NAMESPACE,
        {"namespace": "n"},
        opaque=opaque,
        flag=flag,
    )


def fill(loop_free: LoopFreeServer) -> LoopFreeServer:
    loop_free.state.kv_config.load(KV_FILE.encode())
    return loop_free


@pytest.fixture
def loop_free(set_stage: SetStage) -> LoopFreeServer:
    return fill(set_stage())


def block(peer: LoopFreePeer) -> None:
    """From its next write on, its transport is full."""
    write = peer.transport.write

    def write_and_block(data: bytes) -> None:
        write(data)
        peer.protocol._write = write
        peer.protocol.pause_writing()

    peer.protocol._write = write_and_block


def test_answer_is_sent_a_piece_in_each_turn(loop_free: LoopFreeServer) -> None:
    assert SIZE > 2 * LONG_ANSWER_BYTES
    peer = loop_free.accept()
    peer.receive(ask_all(7))
    assert peer.transport.writes == [] and not peer.transport.reading
    assert loop_free.turn_until_quiet() >= SIZE // _PIECE_BYTES
    assert max(peer.write_sizes()) < _PIECE_BYTES + 2 * VALUE_BYTES
    (answer,) = peer.answers()
    assert (answer.opaque, answer.code) == (7, 0)
    assert json.loads(answer.body) == {"table": KEYS}
    assert peer.transport.reading and peer.protocol.unsent_bytes == 0
    assert loop_free.state.hot.sent_bytes == sum(peer.write_sizes())


def test_answers_stay_in_order(loop_free: LoopFreeServer) -> None:
    peer = loop_free.accept()
    peer.receive(lookup("t", 1), ask_all(2), lookup("t", 3), ask_all(4), lookup("t", 5))
    loop_free.turn_until_quiet()
    assert peer.opaques() == [1, 2, 3, 4, 5]


def test_others_have_their_turns_in_between(loop_free: LoopFreeServer) -> None:
    slow, quick = loop_free.accept(), loop_free.accept()
    slow.receive(ask_all(1))
    for opaque in range(1, 4):
        loop_free.turn()
        quick.receive(lookup("t", opaque))
        assert quick.opaques()[-1] == opaque
    assert 0 < sum(slow.write_sizes()) < SIZE
    loop_free.turn_until_quiet()
    assert slow.opaques() == [1]


def test_peers_that_ask_at_once_take_turns(loop_free: LoopFreeServer) -> None:
    actors = [loop_free.accept() for _ in range(3)]
    for peer in actors:
        peer.receive(ask_all())
    for turn in range(6):
        loop_free.turn()
        sent = [len(peer.transport.writes) for peer in actors]
        assert max(sent) - min(sent) <= 1 and sum(sent) == turn + 1
    loop_free.turn_until_quiet()
    assert len({peer.answers()[0].body for peer in actors}) == 1


def test_nothing_is_made_for_a_peer_that_does_not_read(
    loop_free: LoopFreeServer,
) -> None:
    peer = loop_free.accept()
    peer.receive(ask_all(1), lookup("t", 2))
    block(peer)
    loop_free.turn_until_quiet()
    assert len(peer.transport.writes) == 1
    peer.protocol.resume_writing()
    peer.protocol.pause_writing()
    peer.protocol.resume_writing()
    loop_free.turn()
    assert len(peer.transport.writes) == 2
    loop_free.turn_until_quiet()
    assert peer.opaques() == [1, 2]
    assert len(peer.transport.writes) <= SIZE // _PIECE_BYTES + 2


def test_rest_of_an_answer_counts_for_the_output_budget(set_stage: SetStage) -> None:
    """Changes of the table do not free what an old answer holds."""
    loop_free = fill(set_stage(output_budget_bytes=3 * SIZE))
    actors = [loop_free.accept() for _ in range(4)]
    for peer in actors:
        peer.receive(ask_all())
        block(peer)
    loop_free.turn_until_quiet()
    aborted = [peer.transport.is_aborted for peer in actors]
    assert aborted.count(True) == 1
    for peer in actors:
        if not peer.transport.is_aborted:
            peer.protocol.resume_writing()
    loop_free.turn_until_quiet()
    bodies = [a.answers()[0].body for a in actors if not a.transport.is_aborted]
    assert [len(body) for body in bodies] == [SIZE] * 3


def test_answer_is_that_of_the_moment_of_the_request(loop_free: LoopFreeServer) -> None:
    reader = loop_free.accept()
    reader.receive(ask_all())
    loop_free.turn()
    for key in KEYS:
        loop_free.state.kv_config.put("n", key, "new", CAUSE, lambda error: None)
    loop_free.effects.flush()
    while loop_free.writes:
        loop_free.finish_write()
    loop_free.turn_until_quiet()
    assert json.loads(reader.answers()[0].body) == {"table": KEYS}
    assert loop_free.state.kv_config.get("n", "k399") == "new"


def test_peer_that_goes_in_the_middle_is_forgotten(loop_free: LoopFreeServer) -> None:
    gone, closed, cut = (loop_free.accept() for _ in range(3))
    for peer in (gone, closed, cut):
        peer.receive(ask_all())
    loop_free.turn()
    closed.protocol.close()
    gone.protocol.close()
    gone.protocol.connection_lost(None)
    loop_free.connections.cut_off(cut.protocol)
    writes = [len(peer.transport.writes) for peer in (gone, closed, cut)]
    loop_free.turn_until_quiet()
    assert [len(a.transport.writes) for a in (gone, closed, cut)] == writes


def test_request_followed_by_the_end_is_answered_whole(
    loop_free: LoopFreeServer,
) -> None:
    peer = loop_free.accept()
    peer.receive(ask_all(3))
    peer.protocol.eof_received()
    loop_free.turn_until_quiet()
    assert peer.opaques() == [3] and peer.transport.is_closed


def test_one_way_request_sends_nothing(loop_free: LoopFreeServer) -> None:
    peer = loop_free.accept()
    peer.receive(ask_all(1, FLAG_ONEWAY), lookup("t", 2))
    loop_free.turn_until_quiet()
    assert peer.opaques() == [2]


@pytest.mark.parametrize("loop_name", LOOPS)
def test_large_table_reaches_a_slow_peer(tmp_path: Path, loop_name: str) -> None:
    keys = {f"k{n}": "v" * 60_000 for n in range(200)}
    (tmp_path / "kvConfig.json").write_text(json.dumps({"configTable": {"n": keys}}))
    with ServerThread(local_options(tmp_path), loop_name) as server:
        with server.peer() as reader, server.peer() as other:
            reader.send(ask_all(1), lookup("t", 2))
            for _ in range(20):
                assert other.ask(lookup("t")).code == 17
            first, second = read_two(reader)
            assert json.loads(first) == {"table": keys} and second == b""


def read_two(peer: Peer) -> tuple[bytes, bytes]:
    first, second = peer.read_answers(2)
    return first.body, second.body

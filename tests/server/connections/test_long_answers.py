"""Answers that are sent in pieces: order, turns of others, peers that do not read."""

import json
from pathlib import Path

import pytest

from namesrv.codes import FLAG_ONEWAY, RequestCode
from namesrv.routing.requests.kv import LONG_ANSWER_BYTES
from namesrv.server.connections.peer import _PIECE_BYTES
from namesrv.testing.peer import Peer, lookup, request
from tests.server.server_thread import LOOPS, ServerThread, local_options
from tests.server.stage import Actor, SetStage, Stage

VALUE_BYTES = 1000
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


def fill(stage: Stage) -> Stage:
    stage.state.kv_config.load(KV_FILE.encode())
    return stage


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return fill(set_stage())


def block(actor: Actor) -> None:
    """From its next write on, its transport is full."""
    write = actor.transport.write

    def write_and_block(data: bytes) -> None:
        write(data)
        actor.protocol._write = write
        actor.protocol.pause_writing()

    actor.protocol._write = write_and_block


def test_answer_is_sent_a_piece_in_each_turn(stage: Stage) -> None:
    assert SIZE > 2 * LONG_ANSWER_BYTES
    actor = stage.accept()
    actor.receive(ask_all(7))
    assert actor.transport.writes == [] and not actor.transport.reading
    assert stage.turn_until_quiet() >= SIZE // _PIECE_BYTES
    assert max(actor.write_sizes()) < _PIECE_BYTES + 2 * VALUE_BYTES
    (answer,) = actor.answers()
    assert (answer.opaque, answer.code) == (7, 0)
    assert json.loads(answer.body) == {"table": KEYS}
    assert actor.transport.reading and actor.protocol.unsent_bytes == 0


def test_answers_stay_in_order(stage: Stage) -> None:
    actor = stage.accept()
    actor.receive(
        lookup("t", 1), ask_all(2), lookup("t", 3), ask_all(4), lookup("t", 5)
    )
    stage.turn_until_quiet()
    assert actor.opaques() == [1, 2, 3, 4, 5]


def test_others_have_their_turns_in_between(stage: Stage) -> None:
    slow, quick = stage.accept(), stage.accept()
    slow.receive(ask_all(1))
    for opaque in range(1, 4):
        stage.turn()
        quick.receive(lookup("t", opaque))
        assert quick.opaques()[-1] == opaque
    assert 0 < sum(slow.write_sizes()) < SIZE
    stage.turn_until_quiet()
    assert slow.opaques() == [1]


def test_peers_that_ask_at_once_take_turns(stage: Stage) -> None:
    actors = [stage.accept() for _ in range(3)]
    for actor in actors:
        actor.receive(ask_all())
    for turn in range(6):
        stage.turn()
        sent = [len(actor.transport.writes) for actor in actors]
        assert max(sent) - min(sent) <= 1 and sum(sent) == turn + 1
    stage.turn_until_quiet()
    assert len({actor.answers()[0].body for actor in actors}) == 1


def test_nothing_is_made_for_a_peer_that_does_not_read(stage: Stage) -> None:
    actor = stage.accept()
    actor.receive(ask_all(1), lookup("t", 2))
    block(actor)
    stage.turn_until_quiet()
    assert len(actor.transport.writes) == 1
    actor.protocol.resume_writing()
    actor.protocol.pause_writing()
    actor.protocol.resume_writing()
    stage.turn()
    assert len(actor.transport.writes) == 2
    stage.turn_until_quiet()
    assert actor.opaques() == [1, 2]
    assert len(actor.transport.writes) <= SIZE // _PIECE_BYTES + 2


def test_rest_of_an_answer_counts_for_the_output_budget(set_stage: SetStage) -> None:
    """Changes of the table do not free what an old answer holds."""
    stage = fill(set_stage(output_budget_bytes=3 * SIZE))
    actors = [stage.accept() for _ in range(4)]
    for actor in actors:
        actor.receive(ask_all())
        block(actor)
    stage.turn_until_quiet()
    aborted = [actor.transport.is_aborted for actor in actors]
    assert aborted.count(True) == 1
    for actor in actors:
        if not actor.transport.is_aborted:
            actor.protocol.resume_writing()
    stage.turn_until_quiet()
    bodies = [a.answers()[0].body for a in actors if not a.transport.is_aborted]
    assert [len(body) for body in bodies] == [SIZE] * 3


def test_answer_is_that_of_the_moment_of_the_request(stage: Stage) -> None:
    reader = stage.accept()
    reader.receive(ask_all())
    stage.turn()
    for key in KEYS:
        stage.state.kv_config.put("n", key, "new", lambda error: None)
    stage.effects.flush()
    while stage.writes:
        stage.finish_write()
    stage.turn_until_quiet()
    assert json.loads(reader.answers()[0].body) == {"table": KEYS}
    assert stage.state.kv_config.get("n", "k399") == "new"


def test_peer_that_goes_in_the_middle_is_forgotten(stage: Stage) -> None:
    gone, closed, cut = (stage.accept() for _ in range(3))
    for actor in (gone, closed, cut):
        actor.receive(ask_all())
    stage.turn()
    closed.protocol.close()
    gone.protocol.close()
    gone.protocol.connection_lost(None)
    stage.connections._cut_off(cut.protocol)
    writes = [len(actor.transport.writes) for actor in (gone, closed, cut)]
    stage.turn_until_quiet()
    assert [len(a.transport.writes) for a in (gone, closed, cut)] == writes


def test_request_followed_by_the_end_is_answered_whole(stage: Stage) -> None:
    actor = stage.accept()
    actor.receive(ask_all(3))
    actor.protocol.eof_received()
    stage.turn_until_quiet()
    assert actor.opaques() == [3] and actor.transport.is_closed


def test_one_way_request_sends_nothing(stage: Stage) -> None:
    actor = stage.accept()
    actor.receive(ask_all(1, FLAG_ONEWAY), lookup("t", 2))
    stage.turn_until_quiet()
    assert actor.opaques() == [2]


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

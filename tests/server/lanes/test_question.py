"""Questions of lanes without a lane: pauses, partial answers, ends."""

from typing import Any, cast

import pytest

from namesrv.codes import ResponseCode
from namesrv.hot_path import OUTPUT_PAUSE_BYTES, Pause
from namesrv.routing.turns.phase import Phase
from namesrv.server.connections.beside import Nothing
from namesrv.server.lanes.question import Question
from namesrv.testing.peer import Broker, lookup, read_answers
from tests.server.loop_free_server import LoopFreeServer

SUCCESS, NO_ROUTE = ResponseCode.SUCCESS, ResponseCode.TOPIC_NOT_EXIST
ADDRESS = "10.0.0.9:4000"


class FakePeer:
    """The connection of a lane, with a question. Its socket has `room` for bytes."""

    def __init__(
        self, *frames: bytes, rest: bytes = b"", room: int = 2 * OUTPUT_PAUSE_BYTES
    ) -> None:
        self.input = b"".join(frames) + rest
        self.asked = len(self.input) - len(rest)
        self.has_ended = False
        self.sent = b""
        self._room = room

    def send(self, output: bytes) -> int:
        """The number of bytes that the socket takes."""
        taken = output[: self._room - len(self.sent)]
        self.sent += taken
        return len(taken)

    def end(self) -> None:
        """The connection is closed."""
        self.has_ended = True


class Asker:
    """Asks questions of a loop-free server."""

    def __init__(self, world: LoopFreeServer) -> None:
        self.connections = world.connections
        self.answered: list[Question] = []

    def ask(self, *frames: bytes, rest: bytes = b"") -> Question:
        peer = cast("Any", FakePeer(*frames, rest=rest))
        question = Question(self.connections, peer, ADDRESS, self.answered.append)
        question.begin()
        return question


@pytest.fixture
def asker(loop_free: LoopFreeServer) -> Asker:
    """A server with two topics of one broker."""
    loop_free.accept().receive(Broker().registration({"Orders": 8, "Bills": 4}))
    loop_free.turn_until_quiet()
    return Asker(loop_free)


class OneInLanes(Nothing):
    open = 1


def codes(question: Question) -> list[int]:
    assert not question.output
    sent = cast("Any", question.peer).sent
    return [answer.code for answer in read_answers(sent)]


def test_lookups_are_answered_in_order(asker: Asker) -> None:
    frames = [lookup("Orders"), lookup("Nobody"), lookup("Bills")]
    question = asker.ask(*frames, rest=b"\0\0")
    assert asker.answered == [question]
    assert question.answered_bytes == sum(map(len, frames))
    assert codes(question) == [SUCCESS, NO_ROUTE, SUCCESS]


def test_question_is_no_connection_of_its_own(asker: Asker) -> None:
    before = len(asker.connections)
    asker.connections.join_lanes(OneInLanes())
    question = Question(
        asker.connections, cast("Any", FakePeer()), ADDRESS, asker.answered.append
    )
    asker.connections.begin_question(question)
    assert len(asker.connections) == before + 1
    assert question in asker.connections.peers()
    question.close()
    assert question not in asker.connections.peers()
    assert len(asker.connections) == before + 1


def test_paused_question_goes_on_with_its_turn(asker: Asker) -> None:
    peer = cast("Any", FakePeer(lookup("Orders")))
    question = Question(asker.connections, peer, ADDRESS, asker.answered.append)
    asker.connections.begin_question(question)
    question.connection.hold(Pause.TURN)
    question.connection.receive(peer.input, 0)
    assert asker.answered == []
    question.resume()
    assert asker.answered == [question]
    assert codes(question) == [SUCCESS]


def test_output_of_a_mebibyte_ends_a_question_in_part(asker: Asker) -> None:
    peer = cast("Any", FakePeer(lookup("Orders"), lookup("Bills")))
    question = Question(asker.connections, peer, ADDRESS, asker.answered.append)
    asker.connections.begin_question(question)
    question.connection.hold(Pause.LATER)
    question.connection.receive(peer.input, 0)
    late = bytes(OUTPUT_PAUSE_BYTES)
    # Others have their turn before the rest, so the late answer comes alone.
    asker.connections.take_turn(question)
    question.resume(late)
    assert asker.answered == [question]
    assert question.answered_bytes == 0
    assert peer.sent == late


def test_answers_are_sent_before_the_question_waits(asker: Asker) -> None:
    peer = cast("Any", FakePeer(lookup("Orders"), lookup("Bills")))
    question = Question(asker.connections, peer, ADDRESS, asker.answered.append)
    asker.connections.begin_question(question)
    question.connection.hold(Pause.LATER)
    question.connection.receive(peer.input, 0)
    asker.connections.take_turn(question)
    question.resume(b"first")
    assert peer.sent == b"first"
    assert asker.answered == []


def test_output_that_the_socket_does_not_take_counts_as_unsent(asker: Asker) -> None:
    peer = cast("Any", FakePeer(lookup("Orders"), lookup("Bills"), room=4))
    question = Question(asker.connections, peer, ADDRESS, asker.answered.append)
    asker.connections.begin_question(question)
    question.connection.hold(Pause.LATER)
    question.connection.receive(peer.input, 0)
    asker.connections.take_turn(question)
    question.resume(b"12345")
    assert (peer.sent, question.unsent_bytes) == (b"1234", 1)
    assert asker.connections.output_budget.held_bytes > 0
    question.close()
    assert asker.connections.output_budget.held_bytes == 0
    assert peer.has_ended


def test_closed_question_closes_the_connection_that_asked(asker: Asker) -> None:
    for end in ("close", "cut_off"):
        peer = FakePeer()
        question = Question(
            asker.connections, cast("Any", peer), ADDRESS, asker.answered.append
        )
        asker.connections.begin_question(question)
        getattr(question, end)()
        question.resume(b"late")
        assert peer.has_ended
        assert asker.answered == []


def test_end_of_the_server_sends_late_answers_only(asker: Asker) -> None:
    peer = cast("Any", FakePeer(lookup("Orders"), lookup("Bills")))
    question = Question(asker.connections, peer, ADDRESS, asker.answered.append)
    asker.connections.begin_question(question)
    question.connection.hold(Pause.LATER)
    question.connection.receive(peer.input, 0)
    asker.connections._life.enter(Phase.HALTED)
    question.resume(b"late")
    assert asker.answered == [question]
    assert peer.sent == b"late"


def test_closed_question_sends_what_was_answered(asker: Asker) -> None:
    peer = cast("Any", FakePeer(lookup("Orders")))
    question = Question(asker.connections, peer, ADDRESS, asker.answered.append)
    asker.connections.begin_question(question)
    question.output += b"answer"
    question.close()
    assert peer.sent == b"answer"

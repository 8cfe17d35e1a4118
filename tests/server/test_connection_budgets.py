"""What all connections together may hold: unfinished input, unread output."""

import logging

import pytest

from tests.server.peer import Broker, lookup, put_kv, request
from tests.server.stage import Actor, SetStage, Stage

BUDGET_BYTES = 16384
OVER_BUDGET = "unfinished frames exceed the budget, the largest holder is closed"


def half_frame(size: int) -> bytes:
    """So many bytes of a frame that never ends."""
    return request(105, {"topic": "t"}, bytes(BUDGET_BYTES))[:size]


class TestInputBudget:
    @pytest.fixture
    def stage(self, set_stage: SetStage) -> Stage:
        return set_stage(input_budget_bytes=BUDGET_BYTES)

    def test_largest_holder_is_cut_off(self, stage: Stage) -> None:
        actors = [stage.accept() for _ in range(3)]
        for actor, size in zip(actors, (4000, 8000, 4000), strict=True):
            actor.receive(half_frame(size))
        assert not any(actor.transport.is_closed for actor in actors)
        actors[0].receive(half_frame(1000))
        assert [actor.transport.is_aborted for actor in actors] == [False, True, False]
        line = stage.log.lines[-1]
        assert (line.level, line.event) == (logging.WARNING, OVER_BUDGET)
        assert line.fields["buffered_bytes"] == 8000
        assert line.fields["budget_bytes"] == BUDGET_BYTES

    def test_budget_itself_is_allowed(self, stage: Stage) -> None:
        actors = [stage.accept() for _ in range(2)]
        for actor in actors:
            actor.receive(half_frame(BUDGET_BYTES // 2))
        assert not any(actor.transport.is_closed for actor in actors)
        actors[0].receive(b"\x00")
        assert actors[0].transport.is_aborted
        assert not actors[1].transport.is_closed

    def test_room_is_free_again_when_its_holder_has_gone(self, stage: Stage) -> None:
        for _ in range(10):
            actor = stage.accept()
            actor.receive(half_frame(BUDGET_BYTES // 2))
            actor.protocol.connection_lost(None)
        assert OVER_BUDGET not in stage.log.events_shown()

    def test_holder_that_was_cut_off_is_counted_once(self, stage: Stage) -> None:
        for _ in range(10):
            actor = stage.accept()
            actor.receive(half_frame(BUDGET_BYTES + 1))
            assert actor.transport.is_aborted
            actor.protocol.connection_lost(None)
        bystander = stage.accept()
        bystander.receive(half_frame(BUDGET_BYTES))
        assert not bystander.transport.is_closed

    def test_finished_frames_take_no_room(self, stage: Stage) -> None:
        actor = stage.accept()
        data = half_frame(10000)
        rest = request(105, {"topic": "t"}, bytes(BUDGET_BYTES))[10000:]
        for _ in range(10):
            actor.receive(data)
            actor.receive(rest)
        assert not actor.transport.is_closed
        assert len(actor.opaques()) == 10

    def test_unfinished_proxy_headers_count(self, stage: Stage) -> None:
        start = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff"
        actors = [stage.accept() for _ in range(4)]
        for actor in actors:
            actor.receive(start + bytes(5000))
        assert [actor.transport.is_aborted for actor in actors].count(True) == 1

    def test_frames_that_wait_count(self, stage: Stage) -> None:
        waiting, other = stage.accept(), stage.accept()
        waiting.receive(put_kv("n", "k", "v"), lookup("t" * 12000))
        other.receive(half_frame(6000))
        assert waiting.transport.is_aborted
        assert not other.transport.is_closed

    def test_broker_that_is_cut_off_is_forgotten(self, stage: Stage) -> None:
        actor = stage.accept()
        broker = Broker("10.0.0.9:10911")
        actor.receive(broker.registration({"t": 1, "u": 1}))
        actor.receive(half_frame(BUDGET_BYTES + 1))
        assert actor.transport.is_aborted
        actor.protocol.connection_lost(None)
        assert len(stage.state.tables.broker_live_table) == 0


class TestOutputBudget:
    EVENT = "unsent answers exceed the budget, the largest holder is closed"

    @pytest.fixture
    def stage(self, set_stage: SetStage) -> Stage:
        return set_stage(output_budget_bytes=BUDGET_BYTES)

    @staticmethod
    def block(actor: Actor, size: int) -> None:
        """Its transport is full."""
        actor.transport.unsent_bytes = size
        actor.protocol.pause_writing()

    def test_largest_holder_is_cut_off(self, stage: Stage) -> None:
        small, large, last = (stage.accept() for _ in range(3))
        self.block(small, 1000)
        self.block(large, BUDGET_BYTES - 1000)
        stage.turn_until_quiet()
        assert not large.transport.is_closed
        self.block(last, 1)
        stage.turn_until_quiet()
        assert large.transport.is_aborted
        assert not small.transport.is_closed and not last.transport.is_closed
        assert stage.log.events_shown() == [self.EVENT]
        assert stage.log.lines[-1].fields == {
            "remote": "10.0.0.1:5000",
            "unsent_bytes": BUDGET_BYTES - 1000,
            "budget_bytes": BUDGET_BYTES,
        }

    def test_as_many_go_as_must(self, stage: Stage) -> None:
        actors = [stage.accept() for _ in range(10)]
        for number, actor in enumerate(actors):
            self.block(actor, 3000 + number)
        stage.turn_until_quiet()
        closed = [actor.transport.is_aborted for actor in actors]
        assert closed == [False] * 5 + [True] * 5

    def test_what_is_written_in_one_go_counts_whole(self, stage: Stage) -> None:
        actor = stage.accept()
        write = actor.transport.write

        def take_half(data: bytes) -> None:
            write(data)
            actor.transport.unsent_bytes = len(data) // 2
            if len(data) > 1000:
                actor.protocol.pause_writing()

        actor.protocol._write = take_half
        actor.receive(lookup("t"))
        assert stage.turn_until_quiet() == 0
        frames = [lookup("t")] * 100
        size = 100 * actor.write_sizes()[0]
        assert size // 2 < BUDGET_BYTES < size
        actor.receive(*frames)
        stage.turn_until_quiet()
        assert actor.transport.is_aborted

    def test_who_reads_again_or_has_gone_does_not_count(self, stage: Stage) -> None:
        first, second, third = (stage.accept() for _ in range(3))
        self.block(first, BUDGET_BYTES)
        first.protocol.resume_writing()
        self.block(second, BUDGET_BYTES)
        second.protocol.connection_lost(None)
        self.block(third, BUDGET_BYTES)
        assert stage.turn_until_quiet() == 0
        assert not first.transport.is_closed and not third.transport.is_closed

    def test_broker_that_is_cut_off_is_forgotten(self, stage: Stage) -> None:
        actor = stage.accept()
        actor.receive(Broker("10.0.0.1:1").registration({"t": 1, "u": 1}))
        self.block(actor, BUDGET_BYTES + 1)
        stage.turn_until_quiet()
        assert len(stage.state.tables.broker_live_table) == 0
        actor.protocol.connection_lost(None)

"""What all connections together may hold: unfinished input, unread output."""

import logging
from typing import Any

import pytest

from namesrv.testing.peer import Broker, lookup, put_kv, request
from tests.server.stage import Actor, SetStage, Stage

BUDGET_BYTES = 16384
OVER_BUDGET = "input budget exceeded, closing a connection without progress"
ATTACKER = ("192.0.2.66", 6666)
BROKER_HOST = "10.0.0.9"


def half_frame(size: int) -> bytes:
    """So many bytes of a frame that never ends."""
    return request(105, {"topic": "t"}, bytes(BUDGET_BYTES))[:size]


def accept_broker(stage: Stage, port: int = 5000) -> Actor:
    """One that carries a live broker."""
    actor = stage.accept((BROKER_HOST, port))
    broker = Broker(f"broker-{port}", addr=f"{BROKER_HOST}:{port}")
    actor.receive(broker.registration({"t": 1, "u": 1}))
    return actor


def closed(actors: list[Actor]) -> list[bool]:
    return [actor.transport.is_aborted for actor in actors]


class TestInputBudget:
    @pytest.fixture
    def stage(self, set_stage: SetStage) -> Stage:
        return set_stage(input_budget_bytes=BUDGET_BYTES)

    def test_longest_without_progress_is_cut_off(self, stage: Stage) -> None:
        actors = [stage.accept() for _ in range(3)]
        for actor, size in zip(actors, (4000, 8000, 4000), strict=True):
            actor.receive(half_frame(size))
        assert not any(actor.transport.is_closed for actor in actors)
        actors[2].receive(half_frame(1000))
        assert closed(actors) == [True, False, False]
        line = stage.log.lines[-1]
        assert (line.level, line.event) == (logging.WARNING, OVER_BUDGET)
        assert line.fields["buffered_bytes"] == 4000
        assert line.fields["budget_bytes"] == BUDGET_BYTES

    def test_as_many_go_as_must(self, stage: Stage) -> None:
        actors = [stage.accept() for _ in range(8)]
        for actor in actors:
            actor.receive(half_frame(2000))
        last = stage.accept()
        last.receive(half_frame(6000))
        assert closed(actors) == [True] * 3 + [False] * 5
        assert not last.transport.is_closed

    def test_who_finishes_frames_makes_progress(self, stage: Stage) -> None:
        busy, idle, last = (stage.accept() for _ in range(3))
        data = request(105, {"topic": "t"}, bytes(6000))
        busy.receive(data[:6000])
        idle.receive(half_frame(6000))
        stage.connections.now_ms += 100
        busy.receive(data[6000:] + data[:6000])
        last.receive(half_frame(6000))
        assert closed([busy, idle, last]) == [False, True, False]

    def test_who_trickles_makes_none(self, stage: Stage) -> None:
        trickling, late, last = (stage.accept() for _ in range(3))
        whole = half_frame(BUDGET_BYTES)
        trickling.receive(whole[:6000])
        stage.connections.now_ms += 100
        late.receive(half_frame(6000))
        for place in range(6000, 6010):
            stage.connections.now_ms += 100
            trickling.receive(whole[place : place + 1])
        last.receive(half_frame(6000))
        assert closed([trickling, late, last]) == [True, False, False]

    def test_broker_whose_frame_comes_in_pieces_is_not_cut_off(
        self, stage: Stage
    ) -> None:
        """Neither on the connection on which it registered, nor on a new one."""
        carrier = accept_broker(stage, 1)
        attackers = [stage.accept(ATTACKER) for _ in range(16)]
        again = stage.accept((BROKER_HOST, 2))
        for broker in (carrier, again):
            broker.receive(half_frame(1000))
        stage.connections.now_ms += 1000
        for attacker in attackers:
            attacker.receive(half_frame(1000))
        for broker in (carrier, again):
            broker.receive(half_frame(4000))
        assert not any(closed([carrier, again]))
        assert closed(attackers).count(True) > 0
        assert len(stage.state.tables.broker_live_table) == 1

    def test_proxy_header_does_not_make_a_broker_s_host(self, stage: Stage) -> None:
        accept_broker(stage, 1)
        neighbour, liar = stage.accept((BROKER_HOST, 2)), stage.accept(ATTACKER)
        neighbour.receive(half_frame(6000))
        header = f"PROXY TCP4 {BROKER_HOST} 10.0.0.2 1 2\r\n".encode()
        liar.receive(header + half_frame(6000))
        assert liar.protocol.connection.remote_address == f"{BROKER_HOST}:1"
        neighbour.receive(half_frame(6000))
        assert closed([neighbour, liar]) == [False, True]

    def test_live_broker_goes_last_of_all_brokers(self, stage: Stage) -> None:
        carrier = accept_broker(stage, 1)
        carrier.receive(half_frame(6000))
        neighbours = [stage.accept((BROKER_HOST, 10 + n)) for n in range(3)]
        for neighbour in neighbours:
            neighbour.receive(half_frame(6000))
        assert closed([carrier, *neighbours]) == [False, True, True, False]

    def test_holder_that_becomes_a_broker_goes_later(self, stage: Stage) -> None:
        first = stage.accept(("10.0.0.5", 1))
        broker = Broker("late", addr="10.0.0.5:1")
        registration = broker.registration({"t": 1, "u": 1})
        first.receive(registration + half_frame(6000))
        second, third = stage.accept(ATTACKER), stage.accept(ATTACKER)
        second.receive(half_frame(6000))
        third.receive(half_frame(6000))
        assert closed([first, second, third]) == [False, True, False]

    def test_brokers_alone_still_keep_to_the_budget(self, stage: Stage) -> None:
        carriers = [accept_broker(stage, number) for number in range(4)]
        for carrier in carriers:
            carrier.receive(half_frame(5000))
        assert closed(carriers) == [True, False, False, False]

    def test_choosing_looks_at_no_others(self, stage: Stage) -> None:
        """However many hold something: visits are counted, not time."""
        holders = [stage.accept(ATTACKER) for _ in range(400)]
        for holder in holders:
            holder.receive(half_frame(BUDGET_BYTES // len(holders)))
        looked_at = 0
        rank_of = stage.connections.broker_hosts.rank_of

        def count(connection: Any) -> Any:
            nonlocal looked_at
            looked_at += 1
            return rank_of(connection)

        stage.connections.broker_hosts.rank_of = count  # type: ignore[method-assign]
        for holder in holders[200:]:
            holder.receive(b"x" * 40)
        gone = closed(holders).count(True)
        assert 150 < gone <= 200 and looked_at == gone

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

    def test_frames_behind_a_request_go_with_their_connection(
        self, stage: Stage
    ) -> None:
        """Though the request itself goes on, and knows its connection."""
        actor = stage.accept()
        actor.receive(put_kv("n", "k", "v"), lookup("t" * 12000))
        connection = actor.protocol.connection
        assert connection.buffered_bytes > 12000
        actor.protocol.connection_lost(None)
        assert connection.buffered_bytes == 0
        stage.finish_write()
        assert stage.state.kv_config.get("n", "k") == "v"

    def test_broker_that_is_cut_off_is_forgotten(self, stage: Stage) -> None:
        actor = stage.accept()
        broker = Broker(addr="10.0.0.9:10911")
        actor.receive(broker.registration({"t": 1, "u": 1}))
        actor.receive(half_frame(BUDGET_BYTES + 1))
        assert actor.transport.is_aborted
        actor.protocol.connection_lost(None)
        assert len(stage.state.tables.broker_live_table) == 0


class TestStuck:
    """Frames that do not come to their end, however much comes of them."""

    EVENT = "frame timed out, closing its connection"

    def pass_seconds(self, stage: Stage, seconds: int, *fed: Actor) -> None:
        """Time passes, and one byte a second comes from some."""
        for _ in range(seconds):
            stage.connections.now_ms += 1000
            for actor in fed:
                if not actor.transport.is_closed:
                    actor.receive(b"\x01")
            stage.connections.sweep(stage.connections.now_ms)

    def test_trickled_frame_is_closed(self, stage: Stage) -> None:
        actor = stage.accept()
        actor.receive(half_frame(100))
        self.pass_seconds(stage, 30, actor)
        assert not actor.transport.is_closed
        self.pass_seconds(stage, 1, actor)
        assert actor.transport.is_closed
        assert stage.log.events_shown() == [self.EVENT]

    @pytest.mark.parametrize(
        "start", [b"PRO", b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff"]
    )
    def test_trickled_proxy_header_is_closed(self, stage: Stage, start: bytes) -> None:
        actor = stage.accept()
        actor.receive(start)
        self.pass_seconds(stage, 31)
        assert actor.transport.is_closed

    def test_frame_on_a_slow_link_has_time_for_its_size(self, stage: Stage) -> None:
        actor = stage.accept()
        frame = request(105, {"topic": "t"}, bytes(60 * 65536))
        for second in range(60):
            stage.connections.now_ms += 1000
            actor.receive(frame[second * 65536 : (second + 1) * 65536])
            stage.connections.sweep(stage.connections.now_ms)
        actor.receive(frame[60 * 65536 :])
        assert len(actor.opaques()) == 1 and not actor.transport.is_closed

    def test_frames_behind_a_request_that_waits_for_us_stay(self, stage: Stage) -> None:
        actor = stage.accept()
        actor.receive(put_kv("n", "k", "v", 1), lookup("t", 2))
        self.pass_seconds(stage, 60)
        assert not actor.transport.is_closed
        stage.finish_write()
        assert actor.opaques() == [1, 2]

    def test_steady_pipeline_is_not_stuck(self, stage: Stage) -> None:
        actor = stage.accept()
        whole = lookup("t", 1)
        actor.receive(whole[:9])
        for _ in range(60):
            stage.connections.now_ms += 1000
            actor.receive(whole[9:] + whole[:9])
            stage.connections.sweep(stage.connections.now_ms)
        assert not actor.transport.is_closed


class TestOutputBudget:
    EVENT = "output budget exceeded, closing a connection that does not read"

    @pytest.fixture
    def stage(self, set_stage: SetStage) -> Stage:
        return set_stage(output_budget_bytes=BUDGET_BYTES)

    @staticmethod
    def block(actor: Actor, size: int) -> None:
        """Its transport is full."""
        actor.transport.unsent_bytes = size
        actor.protocol.pause_writing()

    def test_longest_blocked_is_cut_off(self, stage: Stage) -> None:
        first, second, last = (stage.accept() for _ in range(3))
        self.block(first, BUDGET_BYTES - 1000)
        self.block(second, 1000)
        stage.turn_until_quiet()
        assert not first.transport.is_closed
        self.block(last, 1)
        stage.turn_until_quiet()
        assert first.transport.is_aborted
        assert not second.transport.is_closed and not last.transport.is_closed
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
        assert closed(actors) == [True] * 5 + [False] * 5

    def test_live_broker_goes_last(self, stage: Stage) -> None:
        carrier, attacker = accept_broker(stage), stage.accept(ATTACKER)
        self.block(carrier, BUDGET_BYTES // 2)
        self.block(attacker, BUDGET_BYTES // 2 + 1)
        stage.turn_until_quiet()
        assert closed([carrier, attacker]) == [False, True]

    def test_who_reads_again_is_the_last_in_line(self, stage: Stage) -> None:
        first, second, last = (stage.accept() for _ in range(3))
        self.block(first, 8000)
        self.block(second, 8000)
        first.protocol.resume_writing()
        self.block(first, 8000)
        self.block(last, 1000)
        stage.turn_until_quiet()
        assert closed([first, second, last]) == [False, True, False]

    def test_what_is_written_in_one_go_counts_whole(self, stage: Stage) -> None:
        actor = stage.accept()
        write = actor.transport.write

        def take_half(data: bytes) -> None:
            write(data)
            actor.transport.unsent_bytes = len(data) // 2
            if len(data) > 1000:
                actor.protocol.pause_writing()

        actor.transport.write = take_half  # type: ignore[method-assign,assignment]
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
        actor.receive(Broker(addr="10.0.0.1:1").registration({"t": 1, "u": 1}))
        self.block(actor, BUDGET_BYTES + 1)
        stage.turn_until_quiet()
        assert len(stage.state.tables.broker_live_table) == 0
        actor.protocol.connection_lost(None)

"""All connections together: turns, idle time, their number, ends."""

import logging

import pytest

from namesrv.hot_path import LARGE_REGISTRATION_BYTES
from namesrv.routing.brokers.stalls import GRACE_MILLIS, STALL_MILLIS, TICK_MILLIS
from namesrv.server.clock import MachineClock, monotonic_millis
from namesrv.server.connections.registry import Connections
from namesrv.testing.peer import Broker, frame, get_kv, lookup, put_kv
from tests.server.stage import Actor, SetStage, Stage

PATIENCE_MILLIS = 5000


class TestTurns:
    @staticmethod
    def large(number: int, opaque: int) -> bytes:
        """A registration that ends the turn; another one each time."""
        broker = Broker(f"broker-{number}", addr=f"10.0.0.{number}:10911")
        topics = {f"t{opaque}": 1, "u": 1}
        return broker.registration(
            topics, opaque, padding_bytes=LARGE_REGISTRATION_BYTES
        )

    def test_large_registrations_are_applied_one_a_turn(self, stage: Stage) -> None:
        live = stage.state.tables.broker_live_table
        for number in range(4):
            stage.accept().receive(self.large(number, 0))
        seen = [len(live)]
        while stage.turn():
            seen.append(len(live))
        assert sorted(set(seen)) == [1, 2, 3, 4]

    def test_pipelines_of_large_registrations_take_turns(self, stage: Stage) -> None:
        actors = [stage.accept() for _ in range(3)]
        for number, actor in enumerate(actors):
            actor.receive(*(self.large(number, opaque) for opaque in range(4)))
        while stage.turn():
            answered = [len(actor.opaques()) for actor in actors]
            # One was in time to be applied at once, before there was a line.
            assert max(answered) - min(answered) <= 2
        assert [actor.opaques() for actor in actors] == [[0, 1, 2, 3]] * 3

    def test_nothing_more_is_read_after_a_freeze(self, stage: Stage) -> None:
        early, waiting = stage.accept(), stage.accept()
        waiting.receive(put_kv("n", "k", "v", 1))
        stage.connections.freeze()
        late = stage.accept()
        assert not early.transport.reading and not late.transport.reading
        stage.finish_write()
        assert waiting.opaques() == [1]
        assert not waiting.transport.reading, "nor when a pause is over"

    def test_nothing_more_is_carried_out_after_a_halt(self, stage: Stage) -> None:
        live = stage.state.tables.broker_live_table
        waiting = stage.accept()
        waiting.receive(*(self.large(number, number) for number in range(3)))
        waiting_for_file = stage.accept()
        put, get = put_kv("n", "k", "v", 1), get_kv("n", "k", 2)
        waiting_for_file.receive(put, get)
        assert stage.turn()
        seen, answered = len(live), waiting.opaques()
        stage.connections.freeze()
        stage.connections.halt()
        stage.finish_write()
        stage.turn_until_quiet()
        assert len(live) == seen < 3
        assert waiting.opaques() == answered
        assert waiting_for_file.opaques() == [1], "what was changed is answered"
        stage.connections.close_all()
        assert waiting.transport.is_closed
        assert waiting_for_file.transport.is_closed

    def test_mistake_in_a_turn_does_not_end_the_turns(self, stage: Stage) -> None:
        first, second = stage.accept(), stage.accept()
        for number, actor in enumerate((first, second)):
            actor.receive(*(self.large(number, opaque) for opaque in range(2)))

        def fail(data: bytes) -> None:
            raise RuntimeError("a mistake")

        first.protocol._write = fail
        with pytest.raises(RuntimeError):
            stage.turn_until_quiet()
        stage.turn_until_quiet()
        assert second.opaques() == [0, 1]

    def test_small_requests_of_others_come_in_between(self, stage: Stage) -> None:
        greedy, modest = stage.accept(), stage.accept()
        greedy.receive(*(self.large(1, opaque) for opaque in range(6)))
        for opaque in range(6):
            assert greedy.opaques() == list(range(opaque + 1))
            modest.receive(lookup("t", opaque))
            assert modest.opaques()[-1] == opaque
            stage.turn()
        assert stage.turn_until_quiet() <= 1

    def test_connection_that_ends_in_line_holds_nobody_up(self, stage: Stage) -> None:
        first, second = stage.accept(), stage.accept()
        first.receive(self.large(1, 0), self.large(1, 1))
        second.receive(self.large(2, 0))
        first.transport.close()
        first.protocol.connection_lost(None)
        stage.turn_until_quiet()
        assert second.opaques() == [0]
        assert first.opaques() == [0]

    def test_turn_that_a_slow_reader_took_comes_back(self, stage: Stage) -> None:
        slow, other = stage.accept(), stage.accept()
        slow.protocol.pause_writing()
        slow.receive(self.large(1, 0))
        other.receive(self.large(2, 0))
        stage.turn_until_quiet()
        assert other.opaques() == [0]


class TestSweep:
    @pytest.fixture
    def stage(self, set_stage: SetStage) -> Stage:
        return set_stage(server_channel_max_idle_time_seconds=2)

    def test_silent_connections_are_closed(self, stage: Stage) -> None:
        connections = stage.connections
        began = connections.now_ms
        silent, talking = stage.accept(), stage.accept()
        connections.note_time(began + 1500)
        talking.receive(lookup("t"))
        connections.sweep(began + 2000)
        assert not silent.transport.is_closed
        connections.sweep(began + 2001)
        assert silent.transport.is_closed
        assert not talking.transport.is_closed
        assert stage.log.events_shown() == []

    def test_half_a_frame_is_talking_too(self, stage: Stage) -> None:
        actor = stage.accept()
        stage.connections.now_ms += 1500
        actor.receive(b"PRO")
        stage.connections.sweep(stage.connections.now_ms + 2000)
        assert not actor.transport.is_closed
        stage.connections.now_ms += 1500
        actor.receive(b"XY UNKNOWN\r\n\x00")
        stage.connections.sweep(stage.connections.now_ms + 2000)
        assert not actor.transport.is_closed

    def test_zero_means_never(self, set_stage: SetStage) -> None:
        stage = set_stage(server_channel_max_idle_time_seconds=0)
        actor = stage.accept()
        stage.connections.sweep(stage.connections.now_ms + 10**9)
        assert not actor.transport.is_closed

    def test_nobody_is_idle_after_a_stall_of_our_own(self, stage: Stage) -> None:
        actor = stage.accept()
        began = stage.connections.now_ms
        late = began + STALL_MILLIS + 2000
        stage.state.liveness.tick(0, began)
        stage.state.liveness.tick(0, late)
        stage.connections.sweep(late)
        assert not actor.transport.is_closed
        stage.connections.sweep(late + GRACE_MILLIS)
        assert actor.transport.is_closed

    def test_who_does_not_take_its_last_bytes_is_cut_off(self, stage: Stage) -> None:
        actor = stage.accept()
        actor.receive(b"\x00\x00\x00\x03")
        closed_ms = stage.connections.now_ms
        stage.connections.sweep(closed_ms + PATIENCE_MILLIS)
        assert actor.transport.is_closed and not actor.transport.is_aborted
        stage.connections.sweep(closed_ms + PATIENCE_MILLIS + 1)
        assert actor.transport.is_aborted


class TestLimit:
    EVENT = "connection limit reached, closing new connections"

    @pytest.fixture
    def stage(self, set_stage: SetStage) -> Stage:
        return set_stage(max_connections=2)

    def test_more_are_closed_at_once(self, stage: Stage) -> None:
        first, second, third = (stage.accept() for _ in range(3))
        assert third.transport.is_closed and not third.transport.is_aborted
        assert not first.transport.is_closed and not second.transport.is_closed
        assert len(stage.connections) == 2
        line = stage.log.lines[-1]
        assert (line.level, line.event) == (logging.WARNING, self.EVENT)
        assert line.fields == {"limit": 2, "remote": "10.0.0.1:5000"}
        third.protocol.connection_lost(None)
        assert len(stage.connections) == 2

    def test_one_that_ends_makes_room(self, stage: Stage) -> None:
        first, _, refused = (stage.accept() for _ in range(3))
        refused.protocol.connection_lost(None)
        first.protocol.connection_lost(None)
        welcome = stage.accept()
        welcome.receive(lookup("t", 7))
        assert welcome.opaques() == [7]


class TestReserve:
    """Brokers can always come back."""

    MADE_ROOM = "closed an idle connection to make room for a broker"
    BROKER_HOST = "10.0.0.9"
    STRANGER = ("192.0.2.66", 6666)

    @pytest.fixture
    def stage(self, set_stage: SetStage) -> Stage:
        stage = set_stage(max_connections=32)
        self.broker(stage)
        return stage

    def broker(self, stage: Stage) -> Actor:
        actor = stage.accept((self.BROKER_HOST, 1))
        broker = Broker(addr=f"{self.BROKER_HOST}:10911")
        actor.receive(broker.registration({"t": 1, "u": 1}))
        return actor

    def fill(self, stage: Stage) -> list[Actor]:
        """Strangers take all that they get, the longest idle first."""
        strangers: list[Actor] = []
        while True:
            stage.connections.now_ms += 1
            actor = stage.accept(self.STRANGER)
            if actor.transport.is_closed:
                return strangers
            actor.receive(lookup("t"))
            strangers.append(actor)

    def test_last_places_are_for_hosts_of_brokers(self, stage: Stage) -> None:
        assert len(self.fill(stage)) == 29
        for _ in range(2):
            assert not stage.accept((self.BROKER_HOST, 2)).transport.is_closed
        assert len(stage.connections) == 32

    def test_host_is_remembered_when_its_last_connection_has_ended(
        self, set_stage: SetStage
    ) -> None:
        stage = set_stage(max_connections=32)
        broker = self.broker(stage)
        self.fill(stage)
        broker.protocol.connection_lost(None)
        assert stage.accept(self.STRANGER).transport.is_closed is False
        assert stage.accept(self.STRANGER).transport.is_closed
        assert not self.broker(stage).transport.is_closed

    def test_longest_idle_strangers_make_room(self, stage: Stage) -> None:
        strangers = self.fill(stage)
        for _ in range(2):
            stage.accept((self.BROKER_HOST, 2)).receive(lookup("t"))
        stage.connections.sweep(stage.connections.now_ms)
        stage.connections.now_ms += 1
        strangers[1].receive(lookup("t"))
        for _ in range(2):
            assert not stage.accept((self.BROKER_HOST, 3)).transport.is_closed
        gone = [actor.transport.is_aborted for actor in strangers]
        assert gone == [True, False, True] + [False] * 26
        assert len(stage.connections) == 32
        assert self.MADE_ROOM in stage.log.events_shown()
        assert stage.accept(self.STRANGER).transport.is_closed

    def test_brokers_make_room_for_nobody(self, set_stage: SetStage) -> None:
        stage = set_stage(max_connections=3)
        carriers = [stage.accept((self.BROKER_HOST, n)) for n in range(3)]
        for number, actor in enumerate(carriers):
            broker = Broker(f"b-{number}", addr=f"{self.BROKER_HOST}:{number}")
            actor.receive(broker.registration({"t": 1, "u": 1}))
        stage.connections.sweep(stage.connections.now_ms)
        assert stage.accept((self.BROKER_HOST, 9)).transport.is_closed
        assert not any(actor.transport.is_closed for actor in carriers)

    def test_brokers_of_the_last_run_are_expected(self, set_stage: SetStage) -> None:
        stage = set_stage(max_connections=32)
        self.broker(stage)
        again = Connections(
            stage.state, stage.log, lambda: None, 32, stage.call_soon, MachineClock()
        )
        again.expect_brokers()
        stage.connections = again
        assert len(self.fill(stage)) == 30
        assert not stage.accept((self.BROKER_HOST, 1)).transport.is_closed

    def test_remembered_hosts_are_limited(self, stage: Stage) -> None:
        hosts = stage.connections.broker_hosts
        hosts.remember(f"2001:db8::{n:x}" for n in range(10_000))
        assert sum(f"2001:db8::{n:x}" in hosts for n in range(10_000)) == 4096
        assert self.BROKER_HOST in hosts


class TestManyConnections:
    def test_sweep_looks_at_some_at_a_time(self, set_stage: SetStage) -> None:
        stage = set_stage(server_channel_max_idle_time_seconds=2, max_connections=9000)
        actors = [stage.accept() for _ in range(4500)]
        late_ms = stage.connections.now_ms + 2001
        closed = []
        stage.connections.sweep(late_ms)
        for _ in range(3):
            closed.append(sum(actor.transport.is_closed for actor in actors))
            stage.connections.go_on_sweeping(late_ms)
        assert closed == [2000, 4000, 4500]


class TestEnds:
    @staticmethod
    def register(actor: Actor, addr: str) -> None:
        broker = Broker(f"broker-{addr}", addr=addr)
        actor.receive(broker.registration({"t": 1, "u": 1}))

    def test_all_brokers_of_a_connection_go_with_it(self, stage: Stage) -> None:
        actor, other = stage.accept(), stage.accept()
        self.register(actor, "10.0.0.1:10911")
        self.register(actor, "10.0.0.2:10911")
        self.register(other, "10.0.0.3:10911")
        actor.protocol.connection_lost(None)
        left = [i.broker_addr for i in stage.state.tables.broker_live_table.entries()]
        assert left == ["10.0.0.3:10911"]
        assert not stage.state.outbox

    def test_broker_that_registered_elsewhere_since_stays(self, stage: Stage) -> None:
        old, new = stage.accept(), stage.accept()
        self.register(old, "10.0.0.1:10911")
        self.register(new, "10.0.0.1:10911")
        old.protocol.connection_lost(ConnectionResetError())
        assert len(stage.state.tables.broker_live_table) == 1
        new.protocol.connection_lost(None)
        assert len(stage.state.tables.broker_live_table) == 0

    def test_end_during_a_stall_waits_for_the_grace(self, stage: Stage) -> None:
        actor = stage.accept()
        self.register(actor, "10.0.0.1:10911")
        liveness = stage.state.liveness
        now_ms = monotonic_millis()
        liveness.tick(0, now_ms - 60_000)
        actor.protocol.connection_lost(None)
        assert len(stage.state.tables.broker_live_table) == 1
        for millis in range(TICK_MILLIS, GRACE_MILLIS + 10 * TICK_MILLIS, TICK_MILLIS):
            liveness.tick(0, now_ms + millis)
        assert len(stage.state.tables.broker_live_table) == 0

    def test_our_own_end_forgets_nobody(self, stage: Stage) -> None:
        actor, silent = stage.accept(), stage.accept()
        self.register(actor, "10.0.0.1:10911")
        stage.connections.close_all()
        assert actor.transport.is_closed and silent.transport.is_closed
        assert not actor.transport.is_aborted
        actor.protocol.connection_lost(None)
        assert len(stage.state.tables.broker_live_table) == 1
        assert len(stage.connections) == 1
        stage.connections.abort_all()
        assert silent.transport.is_aborted

    def test_connection_is_found_as_long_as_it_lives(self, stage: Stage) -> None:
        actor = stage.accept()
        connection = actor.protocol.connection
        assert stage.connections.find(connection) is actor.protocol
        actor.protocol.connection_lost(None)
        assert stage.connections.find(connection) is None
        assert len(stage.connections) == 0


@pytest.mark.parametrize(
    ("options", "limits"),
    [
        ({}, (65536, 32768)),
        (
            {"write_buffer_high_water_mark": 9, "write_buffer_low_water_mark": 5},
            (9, 5),
        ),
        ({"write_buffer_high_water_mark": 9}, (65536, 32768)),
    ],
)
def test_transport_is_told_when_it_is_full(
    set_stage: SetStage, options: dict[str, int], limits: tuple[int, int]
) -> None:
    assert set_stage(**options).accept().transport.limits == limits


def test_frame_limit_is_the_option(set_stage: SetStage) -> None:
    stage = set_stage(frame_max_length=1024)
    largest, larger = stage.accept(), stage.accept()
    whole = frame(b'{"code":105}', bytes(1024 - 8 - 12))
    largest.receive(whole)
    assert len(largest.opaques()) == 1
    larger.receive((1021).to_bytes(4))
    assert larger.transport.is_closed

"""All connections together: turns, idle time, their number, ends."""

import logging

import pytest

from namesrv.hot_path import LARGE_REGISTRATION_BYTES
from namesrv.routing.brokers.stalls import GRACE_MILLIS, STALL_MILLIS, TICK_MILLIS
from namesrv.server.clock import MachineClock, monotonic_millis
from namesrv.server.connections.beside import Nothing
from namesrv.server.connections.registry import Connections
from namesrv.testing.peer import Broker, frame, get_kv, lookup, put_kv
from tests.server.loop_free_server import LoopFreePeer, LoopFreeServer, SetStage

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

    def test_large_registrations_are_applied_one_a_turn(
        self, loop_free: LoopFreeServer
    ) -> None:
        live = loop_free.state.tables.broker_live_table
        for number in range(4):
            loop_free.accept().receive(self.large(number, 0))
        seen = [len(live)]
        while loop_free.turn():
            seen.append(len(live))
        assert sorted(set(seen)) == [1, 2, 3, 4]

    def test_pipelines_of_large_registrations_take_turns(
        self, loop_free: LoopFreeServer
    ) -> None:
        actors = [loop_free.accept() for _ in range(3)]
        for number, peer in enumerate(actors):
            peer.receive(*(self.large(number, opaque) for opaque in range(4)))
        while loop_free.turn():
            answered = [len(peer.opaques()) for peer in actors]
            # One was in time to be applied at once, before there was a line.
            assert max(answered) - min(answered) <= 2
        assert [peer.opaques() for peer in actors] == [[0, 1, 2, 3]] * 3

    def test_lanes_are_let_run_before_each_turn_and_each_large_read(
        self, loop_free: LoopFreeServer
    ) -> None:
        turns, seen = loop_free.connections.counts, []

        class Lanes(Nothing):
            def let_run(self) -> bool:
                seen.append(turns.turns)
                return False

        loop_free.connections.join_lanes(Lanes())
        loop_free.accept().receive(lookup("Nobody"))
        assert seen == []
        for number in range(3):
            loop_free.accept().receive(self.large(number, 0))
        assert seen == [0, 0, 0]
        while loop_free.turn():
            pass
        assert turns.turns > 1
        assert seen[3:] == list(range(turns.turns))

    def test_nothing_more_is_read_after_a_freeze(
        self, loop_free: LoopFreeServer
    ) -> None:
        early, waiting = loop_free.accept(), loop_free.accept()
        waiting.receive(put_kv("n", "k", "v", 1))
        loop_free.connections.freeze()
        late = loop_free.accept()
        assert not early.transport.reading and not late.transport.reading
        loop_free.finish_write()
        assert waiting.opaques() == [1]
        assert not waiting.transport.reading, "nor when a pause is over"

    def test_nothing_more_is_carried_out_after_a_halt(
        self, loop_free: LoopFreeServer
    ) -> None:
        live = loop_free.state.tables.broker_live_table
        waiting = loop_free.accept()
        waiting.receive(*(self.large(number, number) for number in range(3)))
        waiting_for_file = loop_free.accept()
        put, get = put_kv("n", "k", "v", 1), get_kv("n", "k", 2)
        waiting_for_file.receive(put, get)
        assert loop_free.turn()
        seen, answered = len(live), waiting.opaques()
        loop_free.connections.freeze()
        loop_free.connections.halt()
        loop_free.finish_write()
        loop_free.turn_until_quiet()
        assert len(live) == seen < 3
        assert waiting.opaques() == answered
        assert waiting_for_file.opaques() == [1], "what was changed is answered"
        loop_free.connections.close_all()
        assert waiting.transport.is_closed
        assert waiting_for_file.transport.is_closed

    def test_mistake_in_a_turn_does_not_end_the_turns(
        self, loop_free: LoopFreeServer
    ) -> None:
        first, second = loop_free.accept(), loop_free.accept()
        for number, peer in enumerate((first, second)):
            peer.receive(*(self.large(number, opaque) for opaque in range(2)))

        def fail(data: bytes) -> None:
            raise RuntimeError("a mistake")

        first.protocol._write = fail
        with pytest.raises(RuntimeError):
            loop_free.turn_until_quiet()
        loop_free.turn_until_quiet()
        assert second.opaques() == [0, 1]

    def test_small_requests_of_others_come_in_between(
        self, loop_free: LoopFreeServer
    ) -> None:
        greedy, modest = loop_free.accept(), loop_free.accept()
        greedy.receive(*(self.large(1, opaque) for opaque in range(6)))
        for opaque in range(6):
            assert greedy.opaques() == list(range(opaque + 1))
            modest.receive(lookup("t", opaque))
            assert modest.opaques()[-1] == opaque
            loop_free.turn()
        assert loop_free.turn_until_quiet() <= 1

    def test_connection_that_ends_in_line_holds_nobody_up(
        self, loop_free: LoopFreeServer
    ) -> None:
        first, second = loop_free.accept(), loop_free.accept()
        first.receive(self.large(1, 0), self.large(1, 1))
        second.receive(self.large(2, 0))
        first.transport.close()
        first.protocol.connection_lost(None)
        loop_free.turn_until_quiet()
        assert second.opaques() == [0]
        assert first.opaques() == [0]

    def test_turn_that_a_slow_reader_took_comes_back(
        self, loop_free: LoopFreeServer
    ) -> None:
        slow, other = loop_free.accept(), loop_free.accept()
        slow.protocol.pause_writing()
        slow.receive(self.large(1, 0))
        other.receive(self.large(2, 0))
        loop_free.turn_until_quiet()
        assert other.opaques() == [0]


class TestSweep:
    @pytest.fixture
    def loop_free(self, set_stage: SetStage) -> LoopFreeServer:
        return set_stage(server_channel_max_idle_time_seconds=2)

    def test_silent_connections_are_closed(self, loop_free: LoopFreeServer) -> None:
        connections = loop_free.connections
        began = connections.now_ms
        silent, talking = loop_free.accept(), loop_free.accept()
        connections.note_time(began + 1500)
        talking.receive(lookup("t"))
        connections.sweep(began + 2000)
        assert not silent.transport.is_closed
        connections.sweep(began + 2001)
        assert silent.transport.is_closed
        assert not talking.transport.is_closed
        assert loop_free.log.events_shown() == []

    def test_half_a_frame_is_talking_too(self, loop_free: LoopFreeServer) -> None:
        peer = loop_free.accept()
        loop_free.connections.now_ms += 1500
        peer.receive(b"PRO")
        loop_free.connections.sweep(loop_free.connections.now_ms + 2000)
        assert not peer.transport.is_closed
        loop_free.connections.now_ms += 1500
        peer.receive(b"XY UNKNOWN\r\n\x00")
        loop_free.connections.sweep(loop_free.connections.now_ms + 2000)
        assert not peer.transport.is_closed

    def test_zero_means_never(self, set_stage: SetStage) -> None:
        loop_free = set_stage(server_channel_max_idle_time_seconds=0)
        peer = loop_free.accept()
        loop_free.connections.sweep(loop_free.connections.now_ms + 10**9)
        assert not peer.transport.is_closed

    def test_nobody_is_idle_after_a_stall_of_our_own(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        began = loop_free.connections.now_ms
        late = began + STALL_MILLIS + 2000
        loop_free.state.liveness.tick(0, began)
        loop_free.state.liveness.tick(0, late)
        loop_free.connections.sweep(late)
        assert not peer.transport.is_closed
        loop_free.connections.sweep(late + GRACE_MILLIS)
        assert peer.transport.is_closed

    def test_nobody_is_idle_in_the_grace_after_a_stall(
        self, loop_free: LoopFreeServer
    ) -> None:
        """Found by the simulator: a broker on it was alive, and may have beaten."""
        peer = loop_free.accept()
        idle_ms = loop_free.connections.now_ms + 2050
        late = idle_ms + STALL_MILLIS + 2000
        loop_free.state.liveness.tick(0, idle_ms)
        loop_free.state.liveness.tick(0, late)
        loop_free.connections.sweep(late)
        assert not peer.transport.is_closed
        loop_free.connections.sweep(late + GRACE_MILLIS)
        assert peer.transport.is_closed

    def test_who_does_not_take_its_last_bytes_is_cut_off(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(b"\x00\x00\x00\x03")
        closed_ms = loop_free.connections.now_ms
        loop_free.connections.sweep(closed_ms + PATIENCE_MILLIS)
        assert peer.transport.is_closed and not peer.transport.is_aborted
        loop_free.connections.sweep(closed_ms + PATIENCE_MILLIS + 1)
        assert peer.transport.is_aborted


class TestLimit:
    EVENT = "connection limit reached, closing new connections"

    @pytest.fixture
    def loop_free(self, set_stage: SetStage) -> LoopFreeServer:
        return set_stage(max_connections=2)

    def test_more_are_closed_at_once(self, loop_free: LoopFreeServer) -> None:
        first, second, third = (loop_free.accept() for _ in range(3))
        assert third.transport.is_closed and not third.transport.is_aborted
        assert not first.transport.is_closed and not second.transport.is_closed
        assert len(loop_free.connections) == 2
        line = loop_free.log.lines[-1]
        assert (line.level, line.event) == (logging.WARNING, self.EVENT)
        assert line.fields == {"limit": 2, "remote": "10.0.0.1:5000"}
        third.protocol.connection_lost(None)
        assert len(loop_free.connections) == 2

    def test_one_that_ends_makes_room(self, loop_free: LoopFreeServer) -> None:
        first, _, refused = (loop_free.accept() for _ in range(3))
        refused.protocol.connection_lost(None)
        first.protocol.connection_lost(None)
        welcome = loop_free.accept()
        welcome.receive(lookup("t", 7))
        assert welcome.opaques() == [7]


class TestReserve:
    """Brokers can always come back."""

    MADE_ROOM = "closed an idle connection to make room for a broker"
    BROKER_HOST = "10.0.0.9"
    STRANGER = ("192.0.2.66", 6666)

    @pytest.fixture
    def loop_free(self, set_stage: SetStage) -> LoopFreeServer:
        loop_free = set_stage(max_connections=32)
        self.broker(loop_free)
        return loop_free

    def broker(self, loop_free: LoopFreeServer) -> LoopFreePeer:
        peer = loop_free.accept((self.BROKER_HOST, 1))
        broker = Broker(addr=f"{self.BROKER_HOST}:10911")
        peer.receive(broker.registration({"t": 1, "u": 1}))
        return peer

    def fill(self, loop_free: LoopFreeServer) -> list[LoopFreePeer]:
        """Strangers take all that they get, the longest idle first."""
        strangers: list[LoopFreePeer] = []
        while True:
            loop_free.connections.now_ms += 1
            peer = loop_free.accept(self.STRANGER)
            if peer.transport.is_closed:
                return strangers
            peer.receive(lookup("t"))
            strangers.append(peer)

    def test_last_places_are_for_hosts_of_brokers(
        self, loop_free: LoopFreeServer
    ) -> None:
        assert len(self.fill(loop_free)) == 29
        for _ in range(2):
            assert not loop_free.accept((self.BROKER_HOST, 2)).transport.is_closed
        assert len(loop_free.connections) == 32

    def test_host_is_remembered_when_its_last_connection_has_ended(
        self, set_stage: SetStage
    ) -> None:
        loop_free = set_stage(max_connections=32)
        broker = self.broker(loop_free)
        self.fill(loop_free)
        broker.protocol.connection_lost(None)
        assert loop_free.accept(self.STRANGER).transport.is_closed is False
        assert loop_free.accept(self.STRANGER).transport.is_closed
        assert not self.broker(loop_free).transport.is_closed

    def test_longest_idle_strangers_make_room(self, loop_free: LoopFreeServer) -> None:
        strangers = self.fill(loop_free)
        for _ in range(2):
            loop_free.accept((self.BROKER_HOST, 2)).receive(lookup("t"))
        loop_free.connections.sweep(loop_free.connections.now_ms)
        loop_free.connections.now_ms += 1
        strangers[1].receive(lookup("t"))
        for _ in range(2):
            assert not loop_free.accept((self.BROKER_HOST, 3)).transport.is_closed
        gone = [peer.transport.is_aborted for peer in strangers]
        assert gone == [True, False, True] + [False] * 26
        assert len(loop_free.connections) == 32
        assert self.MADE_ROOM in loop_free.log.events_shown()
        assert loop_free.accept(self.STRANGER).transport.is_closed

    def test_brokers_make_room_for_nobody(self, set_stage: SetStage) -> None:
        loop_free = set_stage(max_connections=3)
        carriers = [loop_free.accept((self.BROKER_HOST, n)) for n in range(3)]
        for number, peer in enumerate(carriers):
            broker = Broker(f"b-{number}", addr=f"{self.BROKER_HOST}:{number}")
            peer.receive(broker.registration({"t": 1, "u": 1}))
        loop_free.connections.sweep(loop_free.connections.now_ms)
        assert loop_free.accept((self.BROKER_HOST, 9)).transport.is_closed
        assert not any(peer.transport.is_closed for peer in carriers)

    def test_brokers_of_the_last_run_are_expected(self, set_stage: SetStage) -> None:
        loop_free = set_stage(max_connections=32)
        self.broker(loop_free)
        again = Connections(
            loop_free.state,
            loop_free.log,
            lambda: None,
            32,
            loop_free.call_soon,
            MachineClock(),
        )
        again.expect_brokers()
        loop_free.connections = again
        assert len(self.fill(loop_free)) == 30
        assert not loop_free.accept((self.BROKER_HOST, 1)).transport.is_closed

    def test_remembered_hosts_are_limited(self, loop_free: LoopFreeServer) -> None:
        hosts = loop_free.connections.broker_hosts
        hosts.remember(f"2001:db8::{n:x}" for n in range(10_000))
        assert sum(f"2001:db8::{n:x}" in hosts for n in range(10_000)) == 4096
        assert self.BROKER_HOST in hosts


class TestManyConnections:
    def test_sweep_looks_at_some_at_a_time(self, set_stage: SetStage) -> None:
        loop_free = set_stage(
            server_channel_max_idle_time_seconds=2, max_connections=9000
        )
        actors = [loop_free.accept() for _ in range(4500)]
        late_ms = loop_free.connections.now_ms + 2001
        closed = []
        loop_free.connections.sweep(late_ms)
        for _ in range(3):
            closed.append(sum(peer.transport.is_closed for peer in actors))
            loop_free.connections.go_on_sweeping(late_ms)
        assert closed == [2000, 4000, 4500]


class TestEnds:
    @staticmethod
    def register(peer: LoopFreePeer, addr: str) -> None:
        broker = Broker(f"broker-{addr}", addr=addr)
        peer.receive(broker.registration({"t": 1, "u": 1}))

    def test_all_brokers_of_a_connection_go_with_it(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer, other = loop_free.accept(), loop_free.accept()
        self.register(peer, "10.0.0.1:10911")
        self.register(peer, "10.0.0.2:10911")
        self.register(other, "10.0.0.3:10911")
        peer.protocol.connection_lost(None)
        left = [
            i.broker_addr for i in loop_free.state.tables.broker_live_table.entries()
        ]
        assert left == ["10.0.0.3:10911"]
        assert not loop_free.state.outbox

    def test_broker_that_registered_elsewhere_since_stays(
        self, loop_free: LoopFreeServer
    ) -> None:
        old, new = loop_free.accept(), loop_free.accept()
        self.register(old, "10.0.0.1:10911")
        self.register(new, "10.0.0.1:10911")
        old.protocol.connection_lost(ConnectionResetError())
        assert len(loop_free.state.tables.broker_live_table) == 1
        new.protocol.connection_lost(None)
        assert len(loop_free.state.tables.broker_live_table) == 0

    def test_end_during_a_stall_waits_for_the_grace(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        self.register(peer, "10.0.0.1:10911")
        liveness = loop_free.state.liveness
        now_ms = monotonic_millis()
        liveness.tick(0, now_ms - 60_000)
        peer.protocol.connection_lost(None)
        assert len(loop_free.state.tables.broker_live_table) == 1
        for millis in range(TICK_MILLIS, GRACE_MILLIS + 10 * TICK_MILLIS, TICK_MILLIS):
            liveness.tick(0, now_ms + millis)
        assert len(loop_free.state.tables.broker_live_table) == 0

    def test_our_own_end_forgets_nobody(self, loop_free: LoopFreeServer) -> None:
        peer, silent = loop_free.accept(), loop_free.accept()
        self.register(peer, "10.0.0.1:10911")
        loop_free.connections.close_all()
        assert peer.transport.is_closed and silent.transport.is_closed
        assert not peer.transport.is_aborted
        peer.protocol.connection_lost(None)
        assert len(loop_free.state.tables.broker_live_table) == 1
        assert len(loop_free.connections) == 1
        loop_free.connections.abort_all()
        assert silent.transport.is_aborted

    def test_connection_is_found_as_long_as_it_lives(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        connection = peer.protocol.connection
        assert loop_free.connections.find(connection) is peer.protocol
        peer.protocol.connection_lost(None)
        assert loop_free.connections.find(connection) is None
        assert len(loop_free.connections) == 0


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
    loop_free = set_stage(frame_max_length=1024)
    largest, larger = loop_free.accept(), loop_free.accept()
    whole = frame(b'{"code":105}', bytes(1024 - 8 - 12))
    largest.receive(whole)
    assert len(largest.opaques()) == 1
    larger.receive((1021).to_bytes(4))
    assert larger.transport.is_closed

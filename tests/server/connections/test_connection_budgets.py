"""What all connections together may hold: unfinished input, unread output."""

import logging
from typing import Any

import pytest

from namesrv.testing.peer import Broker, lookup, put_kv, request
from tests.server.loop_free_server import LoopFreePeer, LoopFreeServer, SetStage

BUDGET_BYTES = 16384
OVER_BUDGET = "input budget exceeded, closing a connection without progress"
ATTACKER = ("192.0.2.66", 6666)
BROKER_HOST = "10.0.0.9"


def half_frame(size: int) -> bytes:
    """So many bytes of a frame that never ends."""
    return request(105, {"topic": "t"}, bytes(BUDGET_BYTES))[:size]


def accept_broker(loop_free: LoopFreeServer, port: int = 5000) -> LoopFreePeer:
    """One that carries a live broker."""
    peer = loop_free.accept((BROKER_HOST, port))
    broker = Broker(f"broker-{port}", addr=f"{BROKER_HOST}:{port}")
    peer.receive(broker.registration({"t": 1, "u": 1}))
    return peer


def closed(actors: list[LoopFreePeer]) -> list[bool]:
    return [peer.transport.is_aborted for peer in actors]


class TestInputBudget:
    @pytest.fixture
    def loop_free(self, set_stage: SetStage) -> LoopFreeServer:
        return set_stage(input_budget_bytes=BUDGET_BYTES)

    def test_longest_without_progress_is_cut_off(
        self, loop_free: LoopFreeServer
    ) -> None:
        actors = [loop_free.accept() for _ in range(3)]
        for peer, size in zip(actors, (4000, 8000, 4000), strict=True):
            peer.receive(half_frame(size))
        assert not any(peer.transport.is_closed for peer in actors)
        actors[2].receive(half_frame(1000))
        assert closed(actors) == [True, False, False]
        line = loop_free.log.lines[-1]
        assert (line.level, line.event) == (logging.WARNING, OVER_BUDGET)
        assert line.fields["buffered_bytes"] == 4000
        assert line.fields["budget_bytes"] == BUDGET_BYTES

    def test_as_many_go_as_must(self, loop_free: LoopFreeServer) -> None:
        actors = [loop_free.accept() for _ in range(8)]
        for peer in actors:
            peer.receive(half_frame(2000))
        last = loop_free.accept()
        last.receive(half_frame(6000))
        assert closed(actors) == [True] * 3 + [False] * 5
        assert not last.transport.is_closed

    def test_who_finishes_frames_makes_progress(
        self, loop_free: LoopFreeServer
    ) -> None:
        busy, idle, last = (loop_free.accept() for _ in range(3))
        data = request(105, {"topic": "t"}, bytes(6000))
        busy.receive(data[:6000])
        idle.receive(half_frame(6000))
        loop_free.connections.now_ms += 100
        busy.receive(data[6000:] + data[:6000])
        last.receive(half_frame(6000))
        assert closed([busy, idle, last]) == [False, True, False]

    def test_who_trickles_makes_none(self, loop_free: LoopFreeServer) -> None:
        trickling, late, last = (loop_free.accept() for _ in range(3))
        whole = half_frame(BUDGET_BYTES)
        trickling.receive(whole[:6000])
        loop_free.connections.now_ms += 100
        late.receive(half_frame(6000))
        for place in range(6000, 6010):
            loop_free.connections.now_ms += 100
            trickling.receive(whole[place : place + 1])
        last.receive(half_frame(6000))
        assert closed([trickling, late, last]) == [True, False, False]

    def test_broker_whose_frame_comes_in_pieces_is_not_cut_off(
        self, loop_free: LoopFreeServer
    ) -> None:
        """Neither on the connection on which it registered, nor on a new one."""
        carrier = accept_broker(loop_free, 1)
        attackers = [loop_free.accept(ATTACKER) for _ in range(16)]
        again = loop_free.accept((BROKER_HOST, 2))
        for broker in (carrier, again):
            broker.receive(half_frame(1000))
        loop_free.connections.now_ms += 1000
        for attacker in attackers:
            attacker.receive(half_frame(1000))
        for broker in (carrier, again):
            broker.receive(half_frame(4000))
        assert not any(closed([carrier, again]))
        assert closed(attackers).count(True) > 0
        assert len(loop_free.state.tables.broker_live_table) == 1

    def test_proxy_header_does_not_make_a_broker_s_host(
        self, loop_free: LoopFreeServer
    ) -> None:
        accept_broker(loop_free, 1)
        neighbour, liar = loop_free.accept((BROKER_HOST, 2)), loop_free.accept(ATTACKER)
        neighbour.receive(half_frame(6000))
        header = f"PROXY TCP4 {BROKER_HOST} 10.0.0.2 1 2\r\n".encode()
        liar.receive(header + half_frame(6000))
        assert liar.protocol.connection.remote_address == f"{BROKER_HOST}:1"
        neighbour.receive(half_frame(6000))
        assert closed([neighbour, liar]) == [False, True]

    def test_live_broker_goes_last_of_all_brokers(
        self, loop_free: LoopFreeServer
    ) -> None:
        carrier = accept_broker(loop_free, 1)
        carrier.receive(half_frame(6000))
        neighbours = [loop_free.accept((BROKER_HOST, 10 + n)) for n in range(3)]
        for neighbour in neighbours:
            neighbour.receive(half_frame(6000))
        assert closed([carrier, *neighbours]) == [False, True, True, False]

    def test_holder_that_becomes_a_broker_goes_later(
        self, loop_free: LoopFreeServer
    ) -> None:
        first = loop_free.accept(("10.0.0.5", 1))
        broker = Broker("late", addr="10.0.0.5:1")
        registration = broker.registration({"t": 1, "u": 1})
        first.receive(registration + half_frame(6000))
        second, third = loop_free.accept(ATTACKER), loop_free.accept(ATTACKER)
        second.receive(half_frame(6000))
        third.receive(half_frame(6000))
        assert closed([first, second, third]) == [False, True, False]

    def test_brokers_alone_still_keep_to_the_budget(
        self, loop_free: LoopFreeServer
    ) -> None:
        carriers = [accept_broker(loop_free, number) for number in range(4)]
        for carrier in carriers:
            carrier.receive(half_frame(5000))
        assert closed(carriers) == [True, False, False, False]

    def test_choosing_looks_at_no_others(self, loop_free: LoopFreeServer) -> None:
        """However many hold something: visits are counted, not time."""
        holders = [loop_free.accept(ATTACKER) for _ in range(400)]
        for holder in holders:
            holder.receive(half_frame(BUDGET_BYTES // len(holders)))
        looked_at = 0
        rank_of = loop_free.connections.broker_hosts.rank_of

        def count(connection: Any) -> Any:
            nonlocal looked_at
            looked_at += 1
            return rank_of(connection)

        loop_free.connections.broker_hosts.rank_of = count  # type: ignore[method-assign]
        for holder in holders[200:]:
            holder.receive(b"x" * 40)
        gone = closed(holders).count(True)
        assert 150 < gone <= 200 and looked_at == gone

    def test_budget_itself_is_allowed(self, loop_free: LoopFreeServer) -> None:
        actors = [loop_free.accept() for _ in range(2)]
        for peer in actors:
            peer.receive(half_frame(BUDGET_BYTES // 2))
        assert not any(peer.transport.is_closed for peer in actors)
        actors[0].receive(b"\x00")
        assert actors[0].transport.is_aborted
        assert not actors[1].transport.is_closed

    def test_room_is_free_again_when_its_holder_has_gone(
        self, loop_free: LoopFreeServer
    ) -> None:
        for _ in range(10):
            peer = loop_free.accept()
            peer.receive(half_frame(BUDGET_BYTES // 2))
            peer.protocol.connection_lost(None)
        assert OVER_BUDGET not in loop_free.log.events_shown()

    def test_holder_that_was_cut_off_is_counted_once(
        self, loop_free: LoopFreeServer
    ) -> None:
        for _ in range(10):
            peer = loop_free.accept()
            peer.receive(half_frame(BUDGET_BYTES + 1))
            assert peer.transport.is_aborted
            peer.protocol.connection_lost(None)
        bystander = loop_free.accept()
        bystander.receive(half_frame(BUDGET_BYTES))
        assert not bystander.transport.is_closed

    def test_finished_frames_take_no_room(self, loop_free: LoopFreeServer) -> None:
        peer = loop_free.accept()
        data = half_frame(10000)
        rest = request(105, {"topic": "t"}, bytes(BUDGET_BYTES))[10000:]
        for _ in range(10):
            peer.receive(data)
            peer.receive(rest)
        assert not peer.transport.is_closed
        assert len(peer.opaques()) == 10

    def test_unfinished_proxy_headers_count(self, loop_free: LoopFreeServer) -> None:
        start = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff"
        actors = [loop_free.accept() for _ in range(4)]
        for peer in actors:
            peer.receive(start + bytes(5000))
        assert [peer.transport.is_aborted for peer in actors].count(True) == 1

    def test_frames_that_wait_count(self, loop_free: LoopFreeServer) -> None:
        waiting, other = loop_free.accept(), loop_free.accept()
        waiting.receive(put_kv("n", "k", "v"), lookup("t" * 12000))
        other.receive(half_frame(6000))
        assert waiting.transport.is_aborted
        assert not other.transport.is_closed

    def test_frames_behind_a_request_go_with_their_connection(
        self, loop_free: LoopFreeServer
    ) -> None:
        """Though the request itself goes on, and knows its connection."""
        peer = loop_free.accept()
        peer.receive(put_kv("n", "k", "v"), lookup("t" * 12000))
        connection = peer.protocol.connection
        assert connection.buffered_bytes > 12000
        peer.protocol.connection_lost(None)
        assert connection.buffered_bytes == 0
        loop_free.finish_write()
        assert loop_free.state.kv_config.get("n", "k") == "v"

    def test_broker_that_is_cut_off_is_forgotten(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        broker = Broker(addr="10.0.0.9:10911")
        peer.receive(broker.registration({"t": 1, "u": 1}))
        peer.receive(half_frame(BUDGET_BYTES + 1))
        assert peer.transport.is_aborted
        peer.protocol.connection_lost(None)
        assert len(loop_free.state.tables.broker_live_table) == 0


class TestStuck:
    """Frames that do not come to their end, however much comes of them."""

    EVENT = "frame timed out, closing its connection"

    def pass_seconds(
        self, loop_free: LoopFreeServer, seconds: int, *fed: LoopFreePeer
    ) -> None:
        """Time passes, and one byte a second comes from some."""
        for _ in range(seconds):
            loop_free.connections.now_ms += 1000
            for peer in fed:
                if not peer.transport.is_closed:
                    peer.receive(b"\x01")
            loop_free.connections.sweep(loop_free.connections.now_ms)

    def test_trickled_frame_is_closed(self, loop_free: LoopFreeServer) -> None:
        peer = loop_free.accept()
        peer.receive(half_frame(100))
        self.pass_seconds(loop_free, 30, peer)
        assert not peer.transport.is_closed
        self.pass_seconds(loop_free, 1, peer)
        assert peer.transport.is_closed
        assert loop_free.log.events_shown() == [self.EVENT]

    @pytest.mark.parametrize(
        "start", [b"PRO", b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff"]
    )
    def test_trickled_proxy_header_is_closed(
        self, loop_free: LoopFreeServer, start: bytes
    ) -> None:
        peer = loop_free.accept()
        peer.receive(start)
        self.pass_seconds(loop_free, 31)
        assert peer.transport.is_closed

    def test_frame_on_a_slow_link_has_time_for_its_size(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        frame = request(105, {"topic": "t"}, bytes(60 * 65536))
        for second in range(60):
            loop_free.connections.now_ms += 1000
            peer.receive(frame[second * 65536 : (second + 1) * 65536])
            loop_free.connections.sweep(loop_free.connections.now_ms)
        peer.receive(frame[60 * 65536 :])
        assert len(peer.opaques()) == 1 and not peer.transport.is_closed

    def test_frames_behind_a_request_that_waits_for_us_stay(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(put_kv("n", "k", "v", 1), lookup("t", 2))
        self.pass_seconds(loop_free, 60)
        assert not peer.transport.is_closed
        loop_free.finish_write()
        assert peer.opaques() == [1, 2]

    def test_steady_pipeline_is_not_stuck(self, loop_free: LoopFreeServer) -> None:
        peer = loop_free.accept()
        whole = lookup("t", 1)
        peer.receive(whole[:9])
        for _ in range(60):
            loop_free.connections.now_ms += 1000
            peer.receive(whole[9:] + whole[:9])
            loop_free.connections.sweep(loop_free.connections.now_ms)
        assert not peer.transport.is_closed


class TestOutputBudget:
    EVENT = "output budget exceeded, closing a connection that does not read"

    @pytest.fixture
    def loop_free(self, set_stage: SetStage) -> LoopFreeServer:
        return set_stage(output_budget_bytes=BUDGET_BYTES)

    @staticmethod
    def block(peer: LoopFreePeer, size: int) -> None:
        """Its transport is full."""
        peer.transport.unsent_bytes = size
        peer.protocol.pause_writing()

    def test_longest_blocked_is_cut_off(self, loop_free: LoopFreeServer) -> None:
        first, second, last = (loop_free.accept() for _ in range(3))
        self.block(first, BUDGET_BYTES - 1000)
        self.block(second, 1000)
        loop_free.turn_until_quiet()
        assert not first.transport.is_closed
        self.block(last, 1)
        loop_free.turn_until_quiet()
        assert first.transport.is_aborted
        assert not second.transport.is_closed and not last.transport.is_closed
        assert loop_free.log.events_shown() == [self.EVENT]
        assert loop_free.log.lines[-1].fields == {
            "remote": "10.0.0.1:5000",
            "unsent_bytes": BUDGET_BYTES - 1000,
            "budget_bytes": BUDGET_BYTES,
        }

    def test_as_many_go_as_must(self, loop_free: LoopFreeServer) -> None:
        actors = [loop_free.accept() for _ in range(10)]
        for number, peer in enumerate(actors):
            self.block(peer, 3000 + number)
        loop_free.turn_until_quiet()
        assert closed(actors) == [True] * 5 + [False] * 5

    def test_live_broker_goes_last(self, loop_free: LoopFreeServer) -> None:
        carrier, attacker = accept_broker(loop_free), loop_free.accept(ATTACKER)
        self.block(carrier, BUDGET_BYTES // 2)
        self.block(attacker, BUDGET_BYTES // 2 + 1)
        loop_free.turn_until_quiet()
        assert closed([carrier, attacker]) == [False, True]

    def test_who_reads_again_is_the_last_in_line(
        self, loop_free: LoopFreeServer
    ) -> None:
        first, second, last = (loop_free.accept() for _ in range(3))
        self.block(first, 8000)
        self.block(second, 8000)
        first.protocol.resume_writing()
        self.block(first, 8000)
        self.block(last, 1000)
        loop_free.turn_until_quiet()
        assert closed([first, second, last]) == [False, True, False]

    def test_what_is_written_in_one_go_counts_whole(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        write = peer.transport.write

        def take_half(data: bytes) -> None:
            write(data)
            peer.transport.unsent_bytes = len(data) // 2
            if len(data) > 1000:
                peer.protocol.pause_writing()

        peer.transport.write = take_half  # type: ignore[method-assign,assignment]
        peer.receive(lookup("t"))
        assert loop_free.turn_until_quiet() == 0
        frames = [lookup("t")] * 100
        size = 100 * peer.write_sizes()[0]
        assert size // 2 < BUDGET_BYTES < size
        peer.receive(*frames)
        loop_free.turn_until_quiet()
        assert peer.transport.is_aborted

    def test_who_reads_again_or_has_gone_does_not_count(
        self, loop_free: LoopFreeServer
    ) -> None:
        first, second, third = (loop_free.accept() for _ in range(3))
        self.block(first, BUDGET_BYTES)
        first.protocol.resume_writing()
        self.block(second, BUDGET_BYTES)
        second.protocol.connection_lost(None)
        self.block(third, BUDGET_BYTES)
        assert loop_free.turn_until_quiet() == 0
        assert not first.transport.is_closed and not third.transport.is_closed

    def test_broker_that_is_cut_off_is_forgotten(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(Broker(addr="10.0.0.1:1").registration({"t": 1, "u": 1}))
        self.block(peer, BUDGET_BYTES + 1)
        loop_free.turn_until_quiet()
        assert len(loop_free.state.tables.broker_live_table) == 0
        peer.protocol.connection_lost(None)

"""TLS connections to the loop-free server do the same as plain ones, encrypted."""

import pytest

from namesrv.errors import StorageError
from namesrv.server.connections.slices import SLICE_BYTES
from namesrv.server.connections.streams import PlainStream
from namesrv.testing.peer import Broker, get_kv, lookup, put_kv
from tests.server.connections.test_peer import BAD, register_long_route
from tests.server.loop_free_server import LoopFreeServer, SetStage
from tests.server.proxy_headers import PROXY_V1, PROXY_V2
from tests.server.tls.loop_free_tls_peer import LoopFreeTlsPeer, accept, faults

HANDSHAKE_MILLIS = 10_000
OVER_BUDGET = "input budget exceeded, closing a connection without progress"


class TestReads:
    def test_all_frames_of_a_read_are_answered_by_one_write(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = accept(loop_free)
        before = len(peer.transport.writes)
        peer.receive(*(lookup("t", n) for n in range(1, 101)))
        assert len(peer.transport.writes) == before + 1
        assert peer.opaques() == list(range(1, 101))
        assert peer.protocol.input_bytes == 0

    def test_bytes_may_come_one_by_one(self, loop_free: LoopFreeServer) -> None:
        peer = LoopFreeTlsPeer(loop_free.accept())
        to_send = PROXY_V1 + peer.client.start()
        while to_send:
            for byte in to_send:
                peer.receive_raw(bytes([byte]))
            to_send = peer.read()
        for byte in peer.client.send(lookup("t", 1) + lookup("t", 2)):
            peer.receive_raw(bytes([byte]))
        assert peer.opaques() == [1, 2]
        assert peer.protocol.input_bytes == 0

    @pytest.mark.parametrize("header", [PROXY_V1, PROXY_V2])
    @pytest.mark.parametrize("together", [True, False])
    def test_hello_may_follow_a_proxy_header(
        self, loop_free: LoopFreeServer, header: bytes, together: bool
    ) -> None:
        peer = LoopFreeTlsPeer(loop_free.accept())
        if not together:
            peer.receive_raw(header)
        peer.open(header if together else b"")
        peer.receive(lookup("t", 1), BAD)
        assert peer.opaques() == [1]
        assert loop_free.log.lines[-1].fields["remote"] == "192.0.2.7:4321"

    def test_proxy_header_inside_of_tls_is_none(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = accept(loop_free)
        peer.receive(PROXY_V1, lookup("t", 1))
        assert peer.opaques() == []
        assert peer.transport.is_closed

    def test_plain_connection_has_nothing_in_between(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = loop_free.accept()
        peer.receive(lookup("t", 1))
        protocol = peer.protocol
        assert protocol.transport is peer.transport
        assert protocol._receive == protocol.connection.receive
        assert isinstance(protocol._stream, PlainStream)
        assert protocol._write == protocol._stream.write


class TestPauses:
    def test_long_output_leaves_in_turns(self, loop_free: LoopFreeServer) -> None:
        register_long_route(loop_free)
        peer = accept(loop_free)
        before = len(peer.transport.writes)
        peer.receive(*(lookup("long", n) for n in range(20)))
        assert len(peer.transport.writes) == before + 1
        assert not peer.transport.reading
        loop_free.turn_until_quiet()
        assert peer.opaques() == list(range(20))
        assert peer.transport.reading
        assert peer.transport.longest_call_bytes == SLICE_BYTES

    def test_reader_that_does_not_read_is_not_answered_on(
        self, loop_free: LoopFreeServer
    ) -> None:
        register_long_route(loop_free)
        peer = accept(loop_free)
        peer.protocol.pause_writing()
        assert not peer.transport.reading
        before = len(peer.transport.writes)
        peer.receive(*(lookup("long", n) for n in range(20)))
        assert not loop_free.turn()
        assert len(peer.transport.writes) == before + 1
        peer.protocol.resume_writing()
        loop_free.turn_until_quiet()
        assert peer.opaques() == list(range(20))

    def test_answer_waits_for_the_file(self, loop_free: LoopFreeServer) -> None:
        peer = accept(loop_free)
        peer.receive(put_kv("n", "k", "v", 1), get_kv("n", "k", 2))
        assert peer.opaques() == []
        assert not peer.transport.reading
        loop_free.finish_write()
        assert [(a.opaque, a.code) for a in peer.answers()] == [(1, 0), (2, 0)]
        assert peer.transport.reading

    def test_failed_write_is_answered(self, loop_free: LoopFreeServer) -> None:
        peer = accept(loop_free)
        peer.receive(put_kv("n", "k", "v", 1))
        loop_free.finish_write(StorageError("write", "f", "No space left on device"))
        assert [a.code for a in peer.answers()] == [1]


class TestEnd:
    def test_request_before_close_notify_is_answered_then_closed(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = accept(loop_free)
        peer.receive_raw(peer.client.send(lookup("t", 1)) + peer.client.finish())
        assert peer.opaques() == [1]
        assert peer.client.is_finished
        assert peer.transport.is_closed and not peer.transport.is_aborted

    def test_request_before_fin_is_answered_then_closed(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = accept(loop_free)
        peer.receive(lookup("t", 1))
        assert peer.protocol.eof_received() is True
        assert peer.opaques() == [1]
        assert peer.client.is_finished
        assert peer.transport.is_closed and not peer.transport.is_aborted

    @pytest.mark.parametrize("end", ["close_notify", "FIN", "both"])
    def test_end_waits_for_the_file(self, loop_free: LoopFreeServer, end: str) -> None:
        peer = accept(loop_free)
        peer.receive(put_kv("n", "k", "v", 1), lookup("t", 2))
        if end != "FIN":
            peer.receive_raw(peer.client.finish())
        if end != "close_notify":
            peer.protocol.eof_received()
        assert not peer.transport.is_closed
        loop_free.finish_write()
        assert peer.opaques() == [1, 2]
        assert peer.client.is_finished
        assert peer.transport.is_closed

    @pytest.mark.parametrize("size", [0, 1, 100])
    def test_fin_in_the_handshake_closes_without_a_word(
        self, loop_free: LoopFreeServer, size: int
    ) -> None:
        peer = LoopFreeTlsPeer(loop_free.accept())
        if size:
            peer.receive_raw(peer.client.start()[:size])
        peer.protocol.eof_received()
        assert peer.transport.is_closed
        assert peer.transport.writes == []
        assert faults(loop_free) == []

    def test_close_sends_close_notify(self, loop_free: LoopFreeServer) -> None:
        peer = accept(loop_free)
        loop_free.connections.close_all()
        peer.read()
        assert peer.client.is_finished
        assert peer.transport.is_closed

    def test_broker_goes_with_its_connection(self, loop_free: LoopFreeServer) -> None:
        peer = accept(loop_free)
        peer.receive(Broker(addr="10.0.0.9:10911").registration({"t": 1, "u": 1}))
        assert len(loop_free.state.tables.broker_live_table) == 1
        peer.protocol.connection_lost(None)
        assert len(loop_free.state.tables.broker_live_table) == 0

    def test_write_after_the_end_is_none(self, loop_free: LoopFreeServer) -> None:
        peer = accept(loop_free)
        peer.protocol.close()
        peer.protocol._write(b"late")
        peer.protocol.resume(b"late")
        peer.read()
        assert peer.plain == b""


class TestFaults:
    def test_frames_before_a_bad_one_are_answered(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = accept(loop_free)
        peer.receive(lookup("t", 1), BAD, lookup("t", 2))
        assert peer.opaques() == [1]
        assert peer.client.is_finished
        assert peer.transport.is_closed

    @pytest.mark.parametrize(
        ("hello", "reason"),
        [
            (b"\x16\x03\x01\x00\x04\x01\x00\x00\x00", "TLS failed: length too short"),
            (b"\x16\x04\x00\x00\x04\x01\x00\x00\x00", "TLS failed: wrong version"),
            (b"\x16\x03\x01\xff\xff", "TLS failed: "),
        ],
    )
    def test_no_hello_is_closed_and_logged_once(
        self, loop_free: LoopFreeServer, hello: bytes, reason: str
    ) -> None:
        peer = loop_free.accept()
        peer.receive(hello)
        assert peer.transport.is_closed
        (logged,) = faults(loop_free)
        assert str(logged).startswith(reason)

    def test_changed_record_is_closed_and_logged_once(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = accept(loop_free)
        changed = bytearray(peer.client.send(lookup("t", 1)))
        changed[-1] ^= 1
        peer.receive_raw(bytes(changed))
        assert peer.transport.is_closed
        assert faults(loop_free) == ["TLS failed: decryption failed or bad record mac"]

    def test_changed_record_ends_a_wait_for_a_file(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = accept(loop_free)
        peer.receive(put_kv("n", "k", "v", 1))
        peer.receive_raw(b"\x17\x03\x03\x00\x20" + bytes(32))
        assert peer.transport.is_closed
        loop_free.finish_write()
        assert loop_free.state.kv_config.get("n", "k") == "v"


class TestLimits:
    def test_unfinished_handshake_counts_as_input(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = LoopFreeTlsPeer(loop_free.accept())
        hello = peer.client.start()
        peer.receive_raw(PROXY_V1 + hello[:100])
        assert peer.protocol.input_bytes == 100
        peer.receive_raw(hello[100:])
        assert peer.protocol.input_bytes == len(hello)
        peer.receive_raw(peer.read())
        assert peer.protocol.input_bytes == 0

    def test_half_a_record_and_half_a_frame_count(
        self, loop_free: LoopFreeServer
    ) -> None:
        peer = accept(loop_free)
        peer.receive(lookup("t", 1)[:20])
        record = peer.client.send(lookup("t", 1)[20:])
        peer.receive_raw(record[:30])
        assert peer.protocol.input_bytes == 20 + 30
        peer.receive_raw(record[30:])
        assert peer.protocol.input_bytes == 0
        assert peer.opaques() == [1]

    def test_holder_of_half_a_record_is_cut_off(self, set_stage: SetStage) -> None:
        loop_free = set_stage(input_budget_bytes=16384)
        peer, other = accept(loop_free), accept(loop_free)
        record = peer.client.send(bytes(16384))
        peer.receive_raw(record[:9000])
        other.receive_raw(other.client.send(bytes(16384))[:8000])
        assert peer.transport.is_aborted
        assert not other.transport.is_closed
        assert loop_free.log.lines[-1].event == OVER_BUDGET
        assert peer.protocol.transport is peer.transport
        assert peer.protocol.input_bytes == 0
        peer.protocol.connection_lost(None)

    def test_handshake_that_does_not_end_is_closed(
        self, loop_free: LoopFreeServer
    ) -> None:
        connections = loop_free.connections
        began = connections.now_ms
        peer, done = LoopFreeTlsPeer(loop_free.accept()), accept(loop_free)
        hello = peer.client.start()
        peer.receive_raw(hello[:10])
        for second in range(1, 11):
            connections.note_time(began + second * 1000)
            peer.receive_raw(hello[9 + second : 10 + second])
            connections.sweep(connections.now_ms)
            assert not peer.transport.is_closed
        connections.sweep(began + HANDSHAKE_MILLIS + 1)
        assert peer.transport.is_closed
        assert not done.transport.is_closed
        assert faults(loop_free) == ["TLS failed: the handshake does not end"]

    def test_silent_connection_is_closed(self, set_stage: SetStage) -> None:
        loop_free = set_stage(server_channel_max_idle_time_seconds=2)
        peer, half = accept(loop_free), LoopFreeTlsPeer(loop_free.accept())
        half.receive_raw(half.client.start()[:10])
        loop_free.connections.sweep(loop_free.connections.now_ms + 2001)
        assert peer.transport.is_closed and half.transport.is_closed
        peer.read()
        assert peer.client.is_finished

"""TLS connections on the stage: they do what plain ones do, only encrypted."""

import pytest

from namesrv.errors import StorageError
from namesrv.testing.peer import Broker, get_kv, lookup, put_kv
from tests.server.connections.test_peer import BAD, register_long_route
from tests.server.proxy_headers import PROXY_V1, PROXY_V2
from tests.server.stage import SetStage, Stage
from tests.server.tls.tls_actor import TlsActor, accept, faults

HANDSHAKE_MILLIS = 10_000
OVER_BUDGET = "input budget exceeded, closing a connection without progress"


class TestReads:
    def test_all_frames_of_a_read_are_answered_by_one_write(self, stage: Stage) -> None:
        actor = accept(stage)
        before = len(actor.transport.writes)
        actor.receive(*(lookup("t", n) for n in range(1, 101)))
        assert len(actor.transport.writes) == before + 1
        assert actor.opaques() == list(range(1, 101))
        assert actor.protocol.input_bytes == 0

    def test_bytes_may_come_one_by_one(self, stage: Stage) -> None:
        actor = TlsActor(stage.accept())
        to_send = PROXY_V1 + actor.client.start()
        while to_send:
            for byte in to_send:
                actor.receive_raw(bytes([byte]))
            to_send = actor.read()
        for byte in actor.client.send(lookup("t", 1) + lookup("t", 2)):
            actor.receive_raw(bytes([byte]))
        assert actor.opaques() == [1, 2]
        assert actor.protocol.input_bytes == 0

    @pytest.mark.parametrize("header", [PROXY_V1, PROXY_V2])
    @pytest.mark.parametrize("together", [True, False])
    def test_hello_may_follow_a_proxy_header(
        self, stage: Stage, header: bytes, together: bool
    ) -> None:
        actor = TlsActor(stage.accept())
        if not together:
            actor.receive_raw(header)
        actor.open(header if together else b"")
        actor.receive(lookup("t", 1), BAD)
        assert actor.opaques() == [1]
        assert stage.log.lines[-1].fields["remote"] == "192.0.2.7:4321"

    def test_proxy_header_inside_of_tls_is_none(self, stage: Stage) -> None:
        actor = accept(stage)
        actor.receive(PROXY_V1, lookup("t", 1))
        assert actor.opaques() == []
        assert actor.transport.is_closed

    def test_plain_connection_has_nothing_in_between(self, stage: Stage) -> None:
        actor = stage.accept()
        actor.receive(lookup("t", 1))
        protocol = actor.protocol
        assert protocol.transport is actor.transport
        assert protocol._receive == protocol.connection.receive
        assert protocol._write == actor.transport.write


class TestPauses:
    def test_long_output_leaves_in_turns(self, stage: Stage) -> None:
        register_long_route(stage)
        actor = accept(stage)
        before = len(actor.transport.writes)
        actor.receive(*(lookup("long", n) for n in range(20)))
        assert len(actor.transport.writes) == before + 1
        assert not actor.transport.reading
        stage.turn_until_quiet()
        assert actor.opaques() == list(range(20))
        assert actor.transport.reading

    def test_reader_that_does_not_read_is_not_answered_on(self, stage: Stage) -> None:
        register_long_route(stage)
        actor = accept(stage)
        actor.protocol.pause_writing()
        assert not actor.transport.reading
        before = len(actor.transport.writes)
        actor.receive(*(lookup("long", n) for n in range(20)))
        assert not stage.turn()
        assert len(actor.transport.writes) == before + 1
        actor.protocol.resume_writing()
        stage.turn_until_quiet()
        assert actor.opaques() == list(range(20))

    def test_answer_waits_for_the_file(self, stage: Stage) -> None:
        actor = accept(stage)
        actor.receive(put_kv("n", "k", "v", 1), get_kv("n", "k", 2))
        assert actor.opaques() == []
        assert not actor.transport.reading
        stage.finish_write()
        assert [(a.opaque, a.code) for a in actor.answers()] == [(1, 0), (2, 0)]
        assert actor.transport.reading

    def test_failed_write_is_answered(self, stage: Stage) -> None:
        actor = accept(stage)
        actor.receive(put_kv("n", "k", "v", 1))
        stage.finish_write(StorageError("write", "f", "No space left on device"))
        assert [a.code for a in actor.answers()] == [1]


class TestEnd:
    def test_request_before_close_notify_is_answered_then_closed(
        self, stage: Stage
    ) -> None:
        actor = accept(stage)
        actor.receive_raw(actor.client.send(lookup("t", 1)) + actor.client.finish())
        assert actor.opaques() == [1]
        assert actor.client.is_finished
        assert actor.transport.is_closed and not actor.transport.is_aborted

    def test_request_before_fin_is_answered_then_closed(self, stage: Stage) -> None:
        actor = accept(stage)
        actor.receive(lookup("t", 1))
        assert actor.protocol.eof_received() is True
        assert actor.opaques() == [1]
        assert actor.client.is_finished
        assert actor.transport.is_closed and not actor.transport.is_aborted

    @pytest.mark.parametrize("end", ["close_notify", "FIN", "both"])
    def test_end_waits_for_the_file(self, stage: Stage, end: str) -> None:
        actor = accept(stage)
        actor.receive(put_kv("n", "k", "v", 1), lookup("t", 2))
        if end != "FIN":
            actor.receive_raw(actor.client.finish())
        if end != "close_notify":
            actor.protocol.eof_received()
        assert not actor.transport.is_closed
        stage.finish_write()
        assert actor.opaques() == [1, 2]
        assert actor.client.is_finished
        assert actor.transport.is_closed

    @pytest.mark.parametrize("size", [0, 1, 100])
    def test_fin_in_the_handshake_closes_without_a_word(
        self, stage: Stage, size: int
    ) -> None:
        actor = TlsActor(stage.accept())
        if size:
            actor.receive_raw(actor.client.start()[:size])
        actor.protocol.eof_received()
        assert actor.transport.is_closed
        assert actor.transport.writes == []
        assert faults(stage) == []

    def test_our_own_end_says_close_notify(self, stage: Stage) -> None:
        actor = accept(stage)
        stage.connections.close_all()
        actor.read()
        assert actor.client.is_finished
        assert actor.transport.is_closed

    def test_broker_goes_with_its_connection(self, stage: Stage) -> None:
        actor = accept(stage)
        actor.receive(Broker(addr="10.0.0.9:10911").registration({"t": 1, "u": 1}))
        assert len(stage.state.tables.broker_live_table) == 1
        actor.protocol.connection_lost(None)
        assert len(stage.state.tables.broker_live_table) == 0

    def test_write_after_the_end_is_none(self, stage: Stage) -> None:
        actor = accept(stage)
        actor.protocol.close()
        actor.protocol._write(b"late")
        actor.protocol.resume(b"late")
        actor.read()
        assert actor.plain == b""


class TestFaults:
    def test_frames_before_a_bad_one_are_answered(self, stage: Stage) -> None:
        actor = accept(stage)
        actor.receive(lookup("t", 1), BAD, lookup("t", 2))
        assert actor.opaques() == [1]
        assert actor.client.is_finished
        assert actor.transport.is_closed

    @pytest.mark.parametrize(
        ("hello", "reason"),
        [
            (b"\x16\x03\x01\x00\x04\x01\x00\x00\x00", "TLS failed: length too short"),
            (b"\x16\x04\x00\x00\x04\x01\x00\x00\x00", "TLS failed: wrong version"),
            (b"\x16\x03\x01\xff\xff", "TLS failed: "),
        ],
    )
    def test_no_hello_is_closed_and_logged_once(
        self, stage: Stage, hello: bytes, reason: str
    ) -> None:
        actor = stage.accept()
        actor.receive(hello)
        assert actor.transport.is_closed
        (logged,) = faults(stage)
        assert str(logged).startswith(reason)

    def test_changed_record_is_closed_and_logged_once(self, stage: Stage) -> None:
        actor = accept(stage)
        changed = bytearray(actor.client.send(lookup("t", 1)))
        changed[-1] ^= 1
        actor.receive_raw(bytes(changed))
        assert actor.transport.is_closed
        assert faults(stage) == ["TLS failed: decryption failed or bad record mac"]

    def test_changed_record_ends_a_wait_for_a_file(self, stage: Stage) -> None:
        actor = accept(stage)
        actor.receive(put_kv("n", "k", "v", 1))
        actor.receive_raw(b"\x17\x03\x03\x00\x20" + bytes(32))
        assert actor.transport.is_closed
        stage.finish_write()
        assert stage.state.kv_config.get("n", "k") == "v"


class TestLimits:
    def test_unfinished_handshake_counts_as_input(self, stage: Stage) -> None:
        actor = TlsActor(stage.accept())
        hello = actor.client.start()
        actor.receive_raw(PROXY_V1 + hello[:100])
        assert actor.protocol.input_bytes == 100
        actor.receive_raw(hello[100:])
        assert actor.protocol.input_bytes == len(hello)
        actor.receive_raw(actor.read())
        assert actor.protocol.input_bytes == 0

    def test_half_a_record_and_half_a_frame_count(self, stage: Stage) -> None:
        actor = accept(stage)
        actor.receive(lookup("t", 1)[:20])
        record = actor.client.send(lookup("t", 1)[20:])
        actor.receive_raw(record[:30])
        assert actor.protocol.input_bytes == 20 + 30
        actor.receive_raw(record[30:])
        assert actor.protocol.input_bytes == 0
        assert actor.opaques() == [1]

    def test_holder_of_half_a_record_is_cut_off(self, set_stage: SetStage) -> None:
        stage = set_stage(input_budget_bytes=16384)
        actor, other = accept(stage), accept(stage)
        record = actor.client.send(bytes(16384))
        actor.receive_raw(record[:9000])
        other.receive_raw(other.client.send(bytes(16384))[:8000])
        assert actor.transport.is_aborted
        assert not other.transport.is_closed
        assert stage.log.lines[-1].event == OVER_BUDGET
        assert actor.protocol.transport is actor.transport
        assert actor.protocol.input_bytes == 0
        actor.protocol.connection_lost(None)

    def test_handshake_that_does_not_end_is_closed(self, stage: Stage) -> None:
        connections = stage.connections
        began = connections.now_ms
        actor, done = TlsActor(stage.accept()), accept(stage)
        hello = actor.client.start()
        actor.receive_raw(hello[:10])
        for second in range(1, 11):
            connections.note_time(began + second * 1000)
            actor.receive_raw(hello[9 + second : 10 + second])
            connections.sweep(connections.now_ms)
            assert not actor.transport.is_closed
        connections.sweep(began + HANDSHAKE_MILLIS + 1)
        assert actor.transport.is_closed
        assert not done.transport.is_closed
        assert faults(stage) == ["TLS failed: the handshake does not end"]

    def test_silent_connection_is_closed(self, set_stage: SetStage) -> None:
        stage = set_stage(server_channel_max_idle_time_seconds=2)
        actor, half = accept(stage), TlsActor(stage.accept())
        half.receive_raw(half.client.start()[:10])
        stage.connections.sweep(stage.connections.now_ms + 2001)
        assert actor.transport.is_closed and half.transport.is_closed
        actor.read()
        assert actor.client.is_finished

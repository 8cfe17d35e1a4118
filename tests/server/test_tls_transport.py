"""TLS connections on the stage: they do what plain ones do, only encrypted."""

import logging
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from namesrv.errors import StorageError
from tests.server.peer import Answer, Broker, get_kv, lookup, put_kv, split_answers
from tests.server.stage import Actor, Stage
from tests.server.test_protocol import BAD, FAULT, PROXY_V1, register_long_route
from tests.server.test_tls_layer import both_versions
from tests.server.tls_peer import Authority, TlsClient, client_context

SetStage = Callable[..., Stage]

PROXY_V2 = (
    b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c"
    b"\xc0\x00\x02\x07\xc6\x33\x64\x01\x10\xe1\x26\x94"
)
HANDSHAKE_MILLIS = 10_000
OVER_BUDGET = "unfinished frames exceed the budget, the largest holder is closed"


class TlsActor(Actor):
    """One TLS connection on the stage, with the client at its other end."""

    def __init__(self, actor: Actor, context: ssl.SSLContext | None = None) -> None:
        super().__init__(actor.protocol, actor.transport)
        self.client = TlsClient(context or client_context())
        self.plain = b""
        self._read_writes = 0

    def open(self, prefix: bytes = b"") -> "TlsActor":
        """The whole handshake, after what comes in front of it."""
        to_send = prefix + self.client.start()
        while to_send:
            super().receive(to_send)
            to_send = self.read()
        assert self.client.is_open
        return self

    def receive(self, *frames: bytes) -> None:
        """One read, of encrypted frames."""
        super().receive(self.client.send(b"".join(frames)))

    def receive_raw(self, data: bytes) -> None:
        """One read, as it is."""
        super().receive(data)

    def read(self) -> bytes:
        """Decrypt what was written; what is to be said to that."""
        data = b"".join(self.transport.writes[self._read_writes :])
        self._read_writes = len(self.transport.writes)
        to_send, plain = self.client.receive(data)
        self.plain += plain
        return to_send

    def answers(self) -> list[Answer]:
        """All that was answered so far."""
        self.read()
        return split_answers(self.plain)


def accept(stage: Stage, prefix: bytes = b"") -> TlsActor:
    """A peer connects with TLS."""
    return TlsActor(stage.accept()).open(prefix)


def faults(stage: Stage) -> list[object]:
    """Why connections were closed."""
    return [line.fields["reason"] for line in stage.log.lines if line.event == FAULT]


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
        actor.receive(Broker("10.0.0.9:10911").registration({"t": 1, "u": 1}))
        assert len(stage.state.tables.broker_live_table) == 1
        actor.protocol.connection_lost(None)
        assert len(stage.state.tables.broker_live_table) == 0

    def test_write_after_the_end_is_none(self, stage: Stage) -> None:
        actor = accept(stage)
        actor.protocol.close()
        actor.protocol.transport.write(b"late")
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
        assert actor.protocol.buffered_bytes == 100
        actor.receive_raw(hello[100:])
        assert actor.protocol.buffered_bytes == len(hello)
        actor.receive_raw(actor.read())
        assert actor.protocol.buffered_bytes == 0

    def test_half_a_record_and_half_a_frame_count(self, stage: Stage) -> None:
        actor = accept(stage)
        actor.receive(lookup("t", 1)[:20])
        record = actor.client.send(lookup("t", 1)[20:])
        actor.receive_raw(record[:30])
        assert actor.protocol.buffered_bytes == 20 + 30
        actor.receive_raw(record[30:])
        assert actor.protocol.buffered_bytes == 0
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
            connections.now_ms = began + second * 1000
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


class TestModes:
    def test_enforcing_closes_plain_ones_without_executing(
        self, set_stage: SetStage
    ) -> None:
        stage = set_stage(tls_server_mode="enforcing")
        registration = Broker("10.0.0.9:10911").registration({"t": 1, "u": 1})
        for prefix in (b"", PROXY_V1, PROXY_V2):
            actor = stage.accept()
            actor.receive(prefix, registration, lookup("t", 1))
            assert actor.transport.is_closed
            assert actor.transport.writes == []
        assert len(stage.state.tables.broker_live_table) == 0
        reason = "a connection without TLS was tried, and tls.server.mode is enforcing"
        assert faults(stage) == [reason] * 3

    def test_enforcing_closes_plain_ones_at_their_first_byte(
        self, set_stage: SetStage
    ) -> None:
        actor = set_stage(tls_server_mode="enforcing").accept()
        actor.receive(b"\x00")
        assert actor.transport.is_closed

    def test_enforcing_serves_tls(self, set_stage: SetStage) -> None:
        actor = accept(set_stage(tls_server_mode="enforcing"), PROXY_V1)
        actor.receive(lookup("t", 1))
        assert actor.opaques() == [1]

    @pytest.mark.parametrize("prefix", [b"", PROXY_V1, PROXY_V2])
    def test_disabled_closes_tls_at_its_first_byte(
        self, set_stage: SetStage, prefix: bytes
    ) -> None:
        stage = set_stage(tls_server_mode="disabled")
        actor, plain = stage.accept(), stage.accept()
        actor.receive(prefix, b"\x16")
        assert actor.transport.is_closed
        assert actor.transport.writes == []
        plain.receive(lookup("t", 1))
        assert plain.opaques() == [1]
        reason = "a TLS connection was tried, and tls.server.mode is disabled"
        assert faults(stage) == [reason]

    def test_permissive_without_a_certificate_closes_tls(
        self, set_stage: SetStage
    ) -> None:
        stage = set_stage(tls_test_mode_enable=False)
        actor, plain = stage.accept(), stage.accept()
        actor.receive(b"\x16\x03")
        assert actor.transport.is_closed
        plain.receive(lookup("t", 1))
        assert plain.opaques() == [1]
        assert faults(stage) == [
            "a TLS connection was tried, and tls.server.certPath names no certificate"
        ]

    def test_test_mode_without_its_library_says_what_to_do(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "cryptography", None)
        actor = stage.accept()
        actor.receive(b"\x16\x03")
        assert actor.transport.is_closed
        assert faults(stage) == [
            "a TLS connection was tried, and there is no certificate: name one with"
            " tls.server.certPath and tls.server.keyPath, or install namesrv[tls] for a"
            " throw-away one"
        ]

    def test_throw_away_certificate_is_made_once_and_announced(
        self, stage: Stage
    ) -> None:
        assert stage.log.lines == []
        shown = [accept(stage).client.object.getpeercert(True) for _ in range(2)]
        assert shown[0] == shown[1]
        lines = [line for line in stage.log.lines if line.level > logging.DEBUG]
        assert [line.event for line in lines] == [
            "a throw-away TLS certificate was made, which no client can check"
        ]


class TestClientCertificates:
    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority(tmp_path)

    @pytest.fixture
    def stranger(self, tmp_path: Path) -> Authority:
        return Authority(tmp_path, "stranger")

    @pytest.fixture
    def options(self, authority: Authority) -> dict[str, Any]:
        server = authority.identity("server", "secret")
        return {
            "tls_server_cert_path": server.cert_path,
            "tls_server_key_path": server.key_path,
            "tls_server_key_password": server.password,
            "tls_server_trust_cert_path": authority.cert_path,
            "tls_server_auth_client": True,
        }

    @staticmethod
    def is_served(stage: Stage, context: ssl.SSLContext) -> bool:
        actor = TlsActor(stage.accept(), context)
        try:
            actor.open()
            actor.receive(lookup("t", 1))
        except ssl.SSLError:
            return False
        if actor.transport.is_closed:
            return False
        return actor.opaques() == [1]

    @both_versions
    @pytest.mark.parametrize(
        ("wanted", "check", "without", "with_good", "with_bad"),
        [
            ("none", False, True, True, True),
            ("none", True, True, True, True),
            ("optional", False, True, True, True),
            ("optional", True, True, True, False),
            ("require", True, False, True, False),
        ],
    )
    def test_who_is_served(
        self,
        set_stage: SetStage,
        authority: Authority,
        stranger: Authority,
        options: dict[str, Any],
        wanted: str,
        check: bool,
        without: bool,
        with_good: bool,
        with_bad: bool,
        version: ssl.TLSVersion,
    ) -> None:
        options["tls_server_auth_client"] = check
        stage = set_stage(**options, tls_server_need_client_auth=wanted)
        stage.connections.tls.open()
        trusted = authority.cert_path
        good, bad = authority.identity("good"), stranger.identity("bad")
        nobody = client_context(trusted, version=version)
        assert self.is_served(stage, nobody) is without
        for identity, is_served in ((good, with_good), (bad, with_bad)):
            context = client_context(trusted, identity, version)
            assert self.is_served(stage, context) is is_served

    def test_reason_is_logged(
        self, set_stage: SetStage, stranger: Authority, options: dict[str, Any]
    ) -> None:
        stage = set_stage(**options, tls_server_need_client_auth="require")
        stage.connections.tls.open()
        assert not self.is_served(stage, client_context())
        bad = client_context(identity=stranger.identity("bad"))
        assert not self.is_served(stage, bad)
        assert faults(stage) == [
            "TLS failed: peer did not return a certificate",
            "TLS failed: the certificate was not accepted, unable to get local issuer"
            " certificate",
        ]

    def test_certificate_itself_may_be_trusted(
        self, set_stage: SetStage, stranger: Authority, options: dict[str, Any]
    ) -> None:
        one, another = stranger.identity("one"), stranger.identity("another")
        options["tls_server_trust_cert_path"] = one.cert_path
        stage = set_stage(**options, tls_server_need_client_auth="require")
        stage.connections.tls.open()
        assert self.is_served(stage, client_context(identity=one))
        assert not self.is_served(stage, client_context(identity=another))

"""Who is served under which TLS mode and client authentication."""

import logging
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest

from namesrv.testing.peer import Broker, lookup
from tests.server.proxy_headers import PROXY_V1, PROXY_V2
from tests.server.stage import SetStage, Stage
from tests.server.tls.test_layer import both_versions
from tests.server.tls.tls_actor import TlsActor, accept, faults
from tests.server.tls.tls_peer import Authority, client_context


class TestModes:
    def test_enforcing_closes_plain_ones_without_executing(
        self, set_stage: SetStage
    ) -> None:
        stage = set_stage(tls_server_mode="enforcing")
        registration = Broker(addr="10.0.0.9:10911").registration({"t": 1, "u": 1})
        for prefix in (b"", PROXY_V1, PROXY_V2):
            actor = stage.accept()
            actor.receive(prefix, registration, lookup("t", 1))
            assert actor.transport.is_closed
            assert actor.transport.writes == []
        assert len(stage.state.tables.broker_live_table) == 0
        reason = "connection without TLS refused: tls.server.mode is enforcing"
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
        reason = "TLS connection refused: tls.server.mode is disabled"
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
            "TLS connection refused: tls.server.certPath names no certificate"
        ]

    def test_test_mode_without_its_library_names_the_options(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "cryptography", None)
        actor = stage.accept()
        actor.receive(b"\x16\x03")
        assert actor.transport.is_closed
        assert faults(stage) == [
            "TLS connection refused: there is no certificate: name one with"
            " tls.server.certPath and tls.server.keyPath, because no throw-away one can"
            " be made (import of cryptography halted; None in sys.modules)"
        ]

    def test_throw_away_certificate_is_made_once_and_announced(
        self, stage: Stage
    ) -> None:
        assert stage.log.lines == []
        shown = [accept(stage).client.object.getpeercert(True) for _ in range(2)]
        assert shown[0] == shown[1]
        lines = [line for line in stage.log.lines if line.level > logging.DEBUG]
        assert [line.event for line in lines] == [
            "throw-away TLS certificate generated, clients cannot verify it"
        ]


class TestClientCertificates:
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

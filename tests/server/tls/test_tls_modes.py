"""Who is served under which TLS mode and client authentication."""

import logging
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest

from namesrv.testing.peer import Broker, lookup
from tests.server.loop_free_server import LoopFreeServer, SetStage
from tests.server.proxy_headers import PROXY_V1, PROXY_V2
from tests.server.tls.loop_free_tls_peer import LoopFreeTlsPeer, accept, faults
from tests.server.tls.test_layer import both_versions
from tests.server.tls.tls_peer import Authority, client_context


class TestModes:
    def test_enforcing_closes_plain_ones_without_executing(
        self, set_stage: SetStage
    ) -> None:
        loop_free = set_stage(tls_server_mode="enforcing")
        registration = Broker(addr="10.0.0.9:10911").registration({"t": 1, "u": 1})
        for prefix in (b"", PROXY_V1, PROXY_V2):
            peer = loop_free.accept()
            peer.receive(prefix, registration, lookup("t", 1))
            assert peer.transport.is_closed
            assert peer.transport.writes == []
        assert len(loop_free.state.tables.broker_live_table) == 0
        reason = "connection without TLS refused: tls.server.mode is enforcing"
        assert faults(loop_free) == [reason] * 3

    def test_enforcing_closes_plain_ones_at_their_first_byte(
        self, set_stage: SetStage
    ) -> None:
        peer = set_stage(tls_server_mode="enforcing").accept()
        peer.receive(b"\x00")
        assert peer.transport.is_closed

    def test_enforcing_serves_tls(self, set_stage: SetStage) -> None:
        peer = accept(set_stage(tls_server_mode="enforcing"), PROXY_V1)
        peer.receive(lookup("t", 1))
        assert peer.opaques() == [1]

    @pytest.mark.parametrize("prefix", [b"", PROXY_V1, PROXY_V2])
    def test_disabled_closes_tls_at_its_first_byte(
        self, set_stage: SetStage, prefix: bytes
    ) -> None:
        loop_free = set_stage(tls_server_mode="disabled")
        peer, plain = loop_free.accept(), loop_free.accept()
        peer.receive(prefix, b"\x16")
        assert peer.transport.is_closed
        assert peer.transport.writes == []
        plain.receive(lookup("t", 1))
        assert plain.opaques() == [1]
        reason = "TLS connection refused: tls.server.mode is disabled"
        assert faults(loop_free) == [reason]

    def test_permissive_without_a_certificate_closes_tls(
        self, set_stage: SetStage
    ) -> None:
        loop_free = set_stage(tls_test_mode_enable=False)
        peer, plain = loop_free.accept(), loop_free.accept()
        peer.receive(b"\x16\x03")
        assert peer.transport.is_closed
        plain.receive(lookup("t", 1))
        assert plain.opaques() == [1]
        assert faults(loop_free) == [
            "TLS connection refused: tls.server.certPath names no certificate"
        ]

    def test_test_mode_without_its_library_names_the_options(
        self, loop_free: LoopFreeServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "cryptography", None)
        peer = loop_free.accept()
        peer.receive(b"\x16\x03")
        assert peer.transport.is_closed
        assert faults(loop_free) == [
            "TLS connection refused: there is no certificate: name one with"
            " tls.server.certPath and tls.server.keyPath, because no throw-away one can"
            " be made (import of cryptography halted; None in sys.modules)"
        ]

    def test_throw_away_certificate_is_made_once_and_announced(
        self, loop_free: LoopFreeServer
    ) -> None:
        assert loop_free.log.lines == []
        shown = [accept(loop_free).client.object.getpeercert(True) for _ in range(2)]
        assert shown[0] == shown[1]
        lines = [line for line in loop_free.log.lines if line.level > logging.DEBUG]
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
    def is_served(loop_free: LoopFreeServer, context: ssl.SSLContext) -> bool:
        peer = LoopFreeTlsPeer(loop_free.accept(), context)
        try:
            peer.open()
            peer.receive(lookup("t", 1))
        except ssl.SSLError:
            return False
        if peer.transport.is_closed:
            return False
        return peer.opaques() == [1]

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
        loop_free = set_stage(**options, tls_server_need_client_auth=wanted)
        loop_free.connections.tls.open()
        trusted = authority.cert_path
        good, bad = authority.identity("good"), stranger.identity("bad")
        nobody = client_context(trusted, version=version)
        assert self.is_served(loop_free, nobody) is without
        for identity, is_served in ((good, with_good), (bad, with_bad)):
            context = client_context(trusted, identity, version)
            assert self.is_served(loop_free, context) is is_served

    def test_reason_is_logged(
        self, set_stage: SetStage, stranger: Authority, options: dict[str, Any]
    ) -> None:
        loop_free = set_stage(**options, tls_server_need_client_auth="require")
        loop_free.connections.tls.open()
        assert not self.is_served(loop_free, client_context())
        bad = client_context(identity=stranger.identity("bad"))
        assert not self.is_served(loop_free, bad)
        assert faults(loop_free) == [
            "TLS failed: peer did not return a certificate",
            "TLS failed: the certificate was not accepted, unable to get local issuer"
            " certificate",
        ]

    def test_certificate_itself_may_be_trusted(
        self, set_stage: SetStage, stranger: Authority, options: dict[str, Any]
    ) -> None:
        one, another = stranger.identity("one"), stranger.identity("another")
        options["tls_server_trust_cert_path"] = one.cert_path
        loop_free = set_stage(**options, tls_server_need_client_auth="require")
        loop_free.connections.tls.open()
        assert self.is_served(loop_free, client_context(identity=one))
        assert not self.is_served(loop_free, client_context(identity=another))

"""Certificate, key and trust store from files: loaded, and replaced while serving."""

import logging
import os
import ssl
from pathlib import Path

import pytest

from namesrv.options import Options
from namesrv.server.tls.gate import CHECK_MILLIS, TlsGate
from namesrv.server.tls.layer import TlsLayer
from tests.server.loop_free_server import RecordedLog
from tests.server.tls.tls_gate_files import KEPT, LOADED, REPLACED, Files
from tests.server.tls.tls_peer import (
    Authority,
    Identity,
    TlsClient,
    client_context,
    replace,
)


@pytest.fixture
def files(authority: Authority) -> Files:
    files = Files(authority.identity("server"))
    files.gate.open()
    return files


class TestReload:
    def test_changed_files_are_loaded_once_they_stay_as_they_are(
        self, files: Files, authority: Authority
    ) -> None:
        new = authority.identity("new")
        before = files.shown()
        files.identity.replace_by(new)
        files.check(1)
        assert files.shown() == before
        files.check(1)
        assert files.shown() == new.serial_number != before
        files.check(5)
        assert files.events() == [LOADED, REPLACED]

    def test_nothing_happens_while_nothing_changes(self, files: Files) -> None:
        context = files.gate.admit_tls()
        files.check(10)
        assert files.gate.admit_tls() is context
        assert files.events() == [LOADED]

    def test_files_are_checked_once_a_second(
        self, files: Files, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks: list[object] = []
        stat = os.stat

        def counted(path: str) -> os.stat_result:
            looks.append(path)
            return stat(path)

        monkeypatch.setattr(os, "stat", counted)
        for millis in range(0, 10 * CHECK_MILLIS, 100):
            files.gate.check_files(millis)
        assert looks.count(files.identity.cert_path) == 10

    def test_open_connection_keeps_its_certificate(
        self, files: Files, authority: Authority
    ) -> None:
        layer, client = TlsLayer(files.gate.admit_tls()), TlsClient(client_context())
        layer.receive(client.start())
        files.identity.replace_by(authority.identity("new"))
        files.check()
        to_send, _ = client.receive(layer.take_output())
        assert layer.receive(to_send + client.send(b"request")) == b"request"

    def test_half_a_change_keeps_the_old_certificate_and_is_logged_once(
        self, files: Files, authority: Authority
    ) -> None:
        new = authority.identity("new")
        before = files.shown()
        cert, key = (Path(path).read_bytes() for path in new[:2])
        replace(files.identity.cert_path, cert)
        files.check(10)
        assert files.shown() == before
        assert files.events() == [LOADED, KEPT]
        assert files.log.lines[-1].level == logging.ERROR
        assert files.log.lines[-1].fields["reason"] == (
            f"tls.server.keyPath {files.identity.key_path} belongs to another"
            f" certificate than {files.identity.cert_path}"
        )
        replace(files.identity.key_path, key)
        files.check(10)
        assert files.shown() == new.serial_number
        assert files.events() == [LOADED, KEPT, REPLACED]

    def test_files_that_go_and_come_back(self, files: Files) -> None:
        content = Path(files.identity.key_path).read_bytes()
        Path(files.identity.key_path).unlink()
        files.check(10)
        assert files.events() == [LOADED, KEPT]
        files.shown()
        Path(files.identity.key_path).write_bytes(content)
        files.check(10)
        assert files.events() == [LOADED, KEPT, REPLACED]

    def test_link_that_points_elsewhere_is_a_change(
        self, authority: Authority, tmp_path: Path
    ) -> None:
        old, new = authority.identity("old"), authority.identity("new")
        links = Identity(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
        for link, path in zip(links[:2], old[:2], strict=True):
            Path(link).symlink_to(path)
        files = Files(links)
        files.gate.open()
        assert files.shown() == old.serial_number
        for link, path in zip(links[:2], new[:2], strict=True):
            Path(link).unlink()
            Path(link).symlink_to(path)
        files.check()
        assert files.shown() == new.serial_number

    def test_changed_trust_store_counts_for_new_connections(
        self, authority: Authority, tmp_path: Path
    ) -> None:
        stranger = Authority(tmp_path, "stranger")
        store = tmp_path / "store.pem"
        store.write_bytes(Path(authority.cert_path).read_bytes())
        files = Files(
            authority.identity("server"),
            tls_server_trust_cert_path=str(store),
            tls_server_auth_client=True,
            tls_server_need_client_auth="require",
        )
        files.gate.open()
        names = [len(files.gate.admit_tls().get_ca_certs())]
        store.write_bytes(store.read_bytes() + Path(stranger.cert_path).read_bytes())
        files.check()
        names.append(len(files.gate.admit_tls().get_ca_certs()))
        assert names == [1, 2]

    def test_reload_does_it_now(self, files: Files, authority: Authority) -> None:
        new = authority.identity("new")
        files.identity.replace_by(new)
        assert files.gate.reload()
        assert files.shown() == new.serial_number
        files.check(10)
        assert files.events() == [LOADED, REPLACED]
        Path(files.identity.key_path).write_bytes(b"no key")
        assert not files.gate.reload()
        files.check(10)
        assert files.events() == [LOADED, REPLACED, KEPT]
        assert files.shown() == new.serial_number

    @pytest.mark.parametrize("mode", ["disabled", "permissive"])
    def test_reload_without_files_does_nothing(self, mode: str) -> None:
        log = RecordedLog()
        gate = TlsGate(Options(tls_server_mode=mode), log)
        gate.open()
        gate.check_files(CHECK_MILLIS)
        assert not gate.reload()
        assert log.lines == []

    def test_disabled_reads_no_files(self, authority: Authority) -> None:
        files = Files(authority.identity("server"), tls_server_mode="disabled")
        files.gate.open()
        files.check(3)
        assert not files.gate.reload()
        assert files.events() == []


def test_old_versions_and_renegotiation_are_off(files: Files) -> None:
    context = files.gate.admit_tls()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.options & ssl.OP_NO_COMPRESSION


def test_protocols_of_the_client_are_not_chosen_from(files: Files) -> None:
    """ALPN: Java's server answers none, and the client goes on."""
    context = client_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    layer, client = TlsLayer(files.gate.admit_tls()), TlsClient(context)
    layer.receive(client.start())
    to_send, _ = client.receive(layer.take_output())
    layer.receive(to_send)
    assert layer.is_open
    assert client.object.selected_alpn_protocol() is None

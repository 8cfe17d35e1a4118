"""Certificate, key and trust store from files: loaded, replaced, broken, missing."""

import logging
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from namesrv.errors import StartFailed, TlsRequired, TlsUnavailable
from namesrv.options import Options
from namesrv.server.tls_certificate import (
    load_throw_away_certificate,
    make_throw_away_certificate,
)
from namesrv.server.tls_context import LOOK_MILLIS, TlsGate
from namesrv.server.tls_layer import TlsLayer
from tests.server.stage import RecordedLog
from tests.server.tls_peer import (
    Authority,
    Identity,
    TlsClient,
    client_context,
    replace,
)

LOADED = "TLS certificate loaded"
REPLACED = "TLS certificate replaced, for new connections"
REFUSED = "the TLS files cannot be used, TLS is refused until they are mended"
KEPT = "the new TLS files cannot be used, the old certificate stays"


class Files:
    """A gate over files that the test replaces, and a clock that it moves."""

    def __init__(self, identity: Identity, **options: Any) -> None:
        self.identity = identity
        self.log = RecordedLog()
        self.options = Options(
            tls_server_cert_path=identity.cert_path,
            tls_server_key_path=identity.key_path,
            tls_server_key_password=identity.password,
            **options,
        )
        self.gate = TlsGate(self.options, self.log)
        self.now_ms = 0

    def look(self, times: int = 2) -> None:
        """As the tick does."""
        for _ in range(times):
            self.now_ms += LOOK_MILLIS
            self.gate.look(self.now_ms)

    def shown(self) -> int:
        """The serial number of the certificate that a new connection gets."""
        layer = TlsLayer(self.gate.admit_tls())
        client = TlsClient(client_context())
        layer.receive(client.start())
        client.receive(layer.take_output())
        shown = client.object.getpeercert(binary_form=True)
        assert shown is not None
        text = ssl.DER_cert_to_PEM_cert(shown)
        path = Path(self.identity.cert_path + ".shown")
        path.write_text(text)
        return Identity(str(path), "").serial_number

    def events(self) -> list[str]:
        """What was logged."""
        return [line.event for line in self.log.lines]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


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
        files.look(1)
        assert files.shown() == before
        files.look(1)
        assert files.shown() == new.serial_number != before
        files.look(5)
        assert files.events() == [LOADED, REPLACED]

    def test_nothing_happens_while_nothing_changes(self, files: Files) -> None:
        context = files.gate.admit_tls()
        files.look(10)
        assert files.gate.admit_tls() is context
        assert files.events() == [LOADED]

    def test_files_are_looked_at_now_and_then_only(
        self, files: Files, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks: list[object] = []
        stat = os.stat

        def counted(path: str) -> os.stat_result:
            looks.append(path)
            return stat(path)

        monkeypatch.setattr(os, "stat", counted)
        for millis in range(0, 10 * LOOK_MILLIS, 100):
            files.gate.look(millis)
        assert looks.count(files.identity.cert_path) == 10

    def test_open_connection_keeps_what_it_has(
        self, files: Files, authority: Authority
    ) -> None:
        layer, client = TlsLayer(files.gate.admit_tls()), TlsClient(client_context())
        layer.receive(client.start())
        files.identity.replace_by(authority.identity("new"))
        files.look()
        to_send, _ = client.receive(layer.take_output())
        assert layer.receive(to_send + client.send(b"request")) == b"request"

    def test_half_a_change_keeps_the_old_certificate_and_is_logged_once(
        self, files: Files, authority: Authority
    ) -> None:
        new = authority.identity("new")
        before = files.shown()
        cert, key = (Path(path).read_bytes() for path in new[:2])
        replace(files.identity.cert_path, cert)
        files.look(10)
        assert files.shown() == before
        assert files.events() == [LOADED, KEPT]
        assert files.log.lines[-1].level == logging.ERROR
        assert files.log.lines[-1].fields["reason"] == (
            f"tls.server.keyPath {files.identity.key_path} belongs to another"
            f" certificate than {files.identity.cert_path}"
        )
        replace(files.identity.key_path, key)
        files.look(10)
        assert files.shown() == new.serial_number
        assert files.events() == [LOADED, KEPT, REPLACED]

    def test_files_that_go_and_come_back(self, files: Files) -> None:
        content = Path(files.identity.key_path).read_bytes()
        Path(files.identity.key_path).unlink()
        files.look(10)
        assert files.events() == [LOADED, KEPT]
        files.shown()
        Path(files.identity.key_path).write_bytes(content)
        files.look(10)
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
        files.look()
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
        files.look()
        names.append(len(files.gate.admit_tls().get_ca_certs()))
        assert names == [1, 2]

    def test_reload_does_it_now(self, files: Files, authority: Authority) -> None:
        new = authority.identity("new")
        files.identity.replace_by(new)
        assert files.gate.reload()
        assert files.shown() == new.serial_number
        files.look(10)
        assert files.events() == [LOADED, REPLACED]
        Path(files.identity.key_path).write_bytes(b"no key")
        assert not files.gate.reload()
        files.look(10)
        assert files.events() == [LOADED, REPLACED, KEPT]
        assert files.shown() == new.serial_number

    @pytest.mark.parametrize("mode", ["disabled", "permissive"])
    def test_reload_without_files_does_nothing(self, mode: str) -> None:
        log = RecordedLog()
        gate = TlsGate(Options(tls_server_mode=mode), log)
        gate.open()
        gate.look(LOOK_MILLIS)
        assert not gate.reload()
        assert log.lines == []

    def test_disabled_reads_no_files(self, authority: Authority) -> None:
        files = Files(authority.identity("server"), tls_server_mode="disabled")
        files.gate.open()
        files.look(3)
        assert not files.gate.reload()
        assert files.events() == []


class TestBrokenFiles:
    """At the start; what each says."""

    def reason(self, **options: Any) -> str:
        """Why TLS is refused; an enforcing server says the same and does not start."""
        log = RecordedLog()
        gate = TlsGate(Options(**options), log)
        gate.open()
        with pytest.raises(TlsUnavailable):
            gate.admit_tls()
        gate.admit_plain()
        assert [line.event for line in log.lines] == [REFUSED]
        reason = str(log.lines[0].fields["reason"])
        strict = TlsGate(Options(**options, tls_server_mode="enforcing"), log)
        with pytest.raises(StartFailed) as failed:
            strict.open()
        assert str(failed.value) == f"tls.server.mode is enforcing, and {reason}"
        return reason

    @pytest.fixture
    def options(self, authority: Authority) -> dict[str, Any]:
        identity = authority.identity("server", "secret")
        return {
            "tls_server_cert_path": identity.cert_path,
            "tls_server_key_path": identity.key_path,
            "tls_server_key_password": "secret",
        }

    def test_missing_certificate(self, options: dict[str, Any], tmp_path: Path) -> None:
        options["tls_server_cert_path"] = path = str(tmp_path / "none.pem")
        assert self.reason(**options) == (
            f"tls.server.certPath {path} cannot be read: No such file or directory"
        )

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\xff\xfe",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            b"-----BEGIN CERTIFICATE-----\n",
        ],
    )
    def test_damaged_certificate(
        self, options: dict[str, Any], tmp_path: Path, content: bytes
    ) -> None:
        path = tmp_path / "bad.pem"
        path.write_bytes(content)
        options["tls_server_cert_path"] = str(path)
        assert self.reason(**options) == (
            f"tls.server.certPath {path} has no certificate in PEM, or a damaged one"
        )

    def test_key_of_another_certificate(
        self, options: dict[str, Any], authority: Authority
    ) -> None:
        options["tls_server_key_path"] = path = authority.identity("other").key_path
        assert self.reason(**options) == (
            f"tls.server.keyPath {path} belongs to another certificate than"
            f" {options['tls_server_cert_path']}"
        )

    def test_wrong_password(self, options: dict[str, Any]) -> None:
        options["tls_server_key_password"] = "guess"
        reason = self.reason(**options)
        assert reason == (
            f"tls.server.keyPath {options['tls_server_key_path']} cannot be read:"
            " tls.server.keyPassword is wrong, or it is damaged"
        )
        assert "guess" not in reason

    def test_no_password(self, options: dict[str, Any]) -> None:
        del options["tls_server_key_password"]
        assert self.reason(**options) == (
            f"tls.server.keyPath {options['tls_server_key_path']} is encrypted, and"
            " tls.server.keyPassword is not set"
        )

    def test_no_key(self, options: dict[str, Any]) -> None:
        del options["tls_server_key_path"]
        assert self.reason(**options) == (
            f"tls.server.keyPath {options['tls_server_cert_path']} has no private key"
        )

    def test_damaged_key(self, options: dict[str, Any], tmp_path: Path) -> None:
        path = tmp_path / "bad.key"
        path.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n")
        options["tls_server_key_path"] = str(path)
        del options["tls_server_key_password"]
        assert self.reason(**options) == (
            f"tls.server.keyPath {path} cannot be read, because it is damaged"
        )

    def test_trust_store_without_certificates(
        self, options: dict[str, Any], tmp_path: Path
    ) -> None:
        path = tmp_path / "store.pem"
        path.write_text("")
        options |= {
            "tls_server_trust_cert_path": str(path),
            "tls_server_auth_client": True,
            "tls_server_need_client_auth": "optional",
        }
        assert self.reason(**options) == (
            f"tls.server.trustCertPath {path} has no certificate in PEM, or a damaged"
            " one"
        )

    def test_files_may_be_mended(
        self, options: dict[str, Any], authority: Authority
    ) -> None:
        good = authority.identity("good")
        path = Path(options["tls_server_key_path"])
        key = path.read_bytes()
        path.write_bytes(b"no key")
        identity = Identity(options["tls_server_cert_path"], str(path), "secret")
        files = Files(identity)
        files.gate.open()
        files.look(5)
        path.write_bytes(key)
        files.look(5)
        assert files.events() == [REFUSED, LOADED]
        assert files.shown() == identity.serial_number != good.serial_number

    def test_key_may_be_in_the_file_of_the_certificate(
        self, options: dict[str, Any]
    ) -> None:
        cert, key = options["tls_server_cert_path"], options.pop("tls_server_key_path")
        both = Path(cert).read_bytes() + Path(key).read_bytes()
        Path(cert).write_bytes(both)
        gate = TlsGate(Options(**options), RecordedLog())
        gate.open()
        assert gate.admit_tls()


class TestThrowAway:
    def test_it_is_another_one_each_time(self) -> None:
        assert make_throw_away_certificate() != make_throw_away_certificate()

    def test_its_file_is_gone_at_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        load_throw_away_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        assert list(tmp_path.iterdir()) == []

    def test_no_place_for_the_file_is_a_reason(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
        gate = TlsGate(Options(), RecordedLog())
        with pytest.raises(TlsUnavailable, match="no throw-away certificate could be"):
            gate.admit_tls()

    def test_enforcing_makes_it_at_the_start(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gate = TlsGate(Options(tls_server_mode="enforcing"), RecordedLog())
        gate.open()
        monkeypatch.setitem(sys.modules, "cryptography", None)
        assert gate.admit_tls()
        with pytest.raises(TlsRequired):
            gate.admit_plain()

    def test_enforcing_without_its_library_does_not_start(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "cryptography", None)
        gate = TlsGate(Options(tls_server_mode="enforcing"), RecordedLog())
        with pytest.raises(StartFailed, match=r"install namesrv\[tls\]"):
            gate.open()

    def test_library_is_imported_for_nothing_else(self) -> None:
        code = "import sys, namesrv.server.nameserver; print(*sys.modules)"
        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert not {"cryptography", "tempfile"} & set(ran.stdout.split())


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

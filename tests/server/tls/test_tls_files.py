"""TLS files that cannot be used, and the sentence that says why."""

import errno
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from namesrv.errors import StartFailed, TlsRequired, TlsUnavailable
from namesrv.options import Options
from namesrv.server.tls.certificate import (
    load_throw_away_certificate,
    make_throw_away_certificate,
)
from namesrv.server.tls.gate import TlsGate
from tests.server.loop_free_server import RecordedLog
from tests.server.tls.tls_gate_files import LOADED, REFUSED, Files
from tests.server.tls.tls_peer import Authority, Identity


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

    @pytest.mark.parametrize("password", ["x" * 2000, "\udcff"])
    def test_password_that_openssl_cannot_take(
        self, options: dict[str, Any], password: str
    ) -> None:
        options["tls_server_key_password"] = password
        assert self.reason(**options) == (
            f"tls.server.keyPath {options['tls_server_key_path']} cannot be read:"
            " tls.server.keyPassword is too long for OpenSSL, or has bytes that are no"
            " text"
        )

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

    def test_weak_key_is_refused_for_openssls_reason(
        self, authority: Authority
    ) -> None:
        weak = authority.identity("weak", is_weak=True)
        reason = self.reason(
            tls_server_cert_path=weak.cert_path, tls_server_key_path=weak.key_path
        )
        assert reason == (
            f"tls.server.keyPath {weak.key_path} with {weak.cert_path} is refused by"
            " OpenSSL: ee key too small"
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

    def test_repaired_files_are_loaded(
        self, options: dict[str, Any], authority: Authority
    ) -> None:
        good = authority.identity("good")
        path = Path(options["tls_server_key_path"])
        key = path.read_bytes()
        path.write_bytes(b"no key")
        identity = Identity(options["tls_server_cert_path"], str(path), "secret")
        files = Files(identity)
        files.gate.open()
        files.check(5)
        path.write_bytes(key)
        files.check(5)
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

    def test_it_needs_no_place_on_a_disk(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
        before = os.listdir("/dev/fd")
        load_throw_away_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        assert len(os.listdir("/dev/fd")) == len(before)

    def test_no_descriptor_for_it_is_a_reason(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail() -> None:
            raise OSError(errno.EMFILE, "Too many open files")

        monkeypatch.setattr(os, "pipe", fail)
        gate = TlsGate(Options(), RecordedLog())
        with pytest.raises(TlsUnavailable, match="Too many open files"):
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
        with pytest.raises(StartFailed, match="no throw-away one can be made"):
            gate.open()

    def test_library_is_imported_for_nothing_else(self) -> None:
        code = "import sys, namesrv.server.nameserver; print(*sys.modules)"
        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert not {"cryptography", "tempfile"} & set(ran.stdout.split())

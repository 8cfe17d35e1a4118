"""Java's names of the TLS options: the `-c` file, tls.config.file, what is shown."""

import errno
import os
from pathlib import Path

import pytest

from namesrv.cli import main
from namesrv.cli.sources import read_options
from namesrv.cli.tls_properties import JAVA_NAMES
from namesrv.cli.words import read_words
from namesrv.errors import OptionsInvalid
from namesrv.option import TLS
from namesrv.options import BY_NAME, OPTIONS, Options, java_text

EVERY = {
    "tls.server.mode": "Enforcing",
    "tls.test.mode.enable": "false",
    "tls.server.certPath": "/c",
    "tls.server.keyPath": "~/k",
    "tls.server.keyPassword": "pa ss",
    "tls.server.trustCertPath": "/t",
    "tls.server.authClient": "true",
    "tls.server.need.client.auth": "REQUIRE",
    "tls.protocols": "TLSv1.2",
    "tls.ciphers": "AES128-SHA",
}
OF_CLIENTS = {
    "tls.enable": "true",
    "tls.client.keyPath": "/k",
    "tls.client.keyPassword": "their secret",
    "tls.client.certPath": "/c",
    "tls.client.authServer": "true",
    "tls.client.trustCertPath": "/t",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


class Files:
    """The `-c` file and the file of tls.config.file."""

    def __init__(self, folder: Path) -> None:
        self.main = folder / "namesrv.conf"
        self.tls = folder / "tls.properties"
        self.write(self.main, {})

    @staticmethod
    def write(path: Path, lines: dict[str, str]) -> None:
        path.write_text("".join(f"{key}={text}\n" for key, text in lines.items()))

    def read(self, *words: str, **environ: str) -> tuple[Options, list[str]]:
        return read_options(read_words(["-c", str(self.main), *words]), environ)

    def mistakes(self, *words: str) -> list[str]:
        with pytest.raises(OptionsInvalid) as caught:
            self.read(*words)
        return [one.replace(str(self.main), "MAIN") for one in caught.value.mistakes]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_every_option_has_javas_name() -> None:
    names = {option.name for option in OPTIONS if option.group == TLS}
    assert set(JAVA_NAMES.values()) == names
    assert JAVA_NAMES["tls.server.need.client.auth"] == "tlsServerNeedClientAuth"
    assert JAVA_NAMES["tls.protocols"] == "tlsProtocols"
    assert len(JAVA_NAMES) == 11


def test_no_remote_update_may_change_any() -> None:
    assert not any(option.remote for option in OPTIONS if option.group == TLS)


class TestConfigFile:
    def test_javas_names(self, files: Files, tmp_path: Path) -> None:
        files.write(files.main, EVERY)
        options, warnings = files.read()
        assert options.tls_server_mode == "enforcing"
        assert options.tls_test_mode_enable is False
        assert options.tls_server_cert_path == "/c"
        assert options.tls_server_key_path == str(tmp_path / "k")
        assert options.tls_server_key_password == "pa ss"
        assert options.tls_server_trust_cert_path == "/t"
        assert options.tls_server_auth_client is True
        assert options.tls_server_need_client_auth == "require"
        assert options.tls_protocols == "TLSv1.2"
        assert options.tls_ciphers == "AES128-SHA"
        assert warnings == []

    def test_our_names_and_flags_and_variables(self, files: Files) -> None:
        files.write(files.main, {"tlsServerMode": "disabled"})
        options, _ = files.read(
            "--tls-server-cert-path", "/c", NAMESRV_OPT_TLS_SERVER_KEY_PATH="/k"
        )
        assert options.tls_server_mode == "disabled"
        assert options.tls_server_cert_path == "/c"
        assert options.tls_server_key_path == "/k"

    def test_what_is_meant_for_clients_has_no_effect_and_is_not_kept(
        self, files: Files
    ) -> None:
        files.write(files.main, OF_CLIENTS)
        options, warnings = files.read()
        assert options.extra == {}
        assert warnings == [
            f"file {files.main}, line 1: tls.enable has no effect: what this server"
            " sends to brokers and other servers by itself is not encrypted"
        ]
        assert "their secret" not in java_text(options)

    def test_none_of_it_is_in_the_answer_to_319(self, files: Files) -> None:
        files.write(files.main, EVERY)
        options, _ = files.read()
        assert "tls" not in java_text(options)
        assert "pa ss" not in java_text(options)

    def test_misspelt_name_is_a_mistake(self, files: Files) -> None:
        files.write(files.main, {"tls.server.need.client.auht": "require"})
        assert files.mistakes() == [
            "file MAIN, line 1: there is no TLS option 'tls.server.need.client.auht';"
            " did you mean tls.server.need.client.auth?"
        ]

    def test_wrong_values_are_mistakes(self, files: Files) -> None:
        lines = {"tls.server.mode": "strict", "tls.server.need.client.auth": "yes"}
        files.write(files.main, lines)
        assert files.mistakes() == [
            "file MAIN, line 1: tlsServerMode is 'strict', expected one of disabled,"
            " permissive, enforcing",
            "file MAIN, line 2: tlsServerNeedClientAuth is 'yes', expected one of none,"
            " optional, require",
        ]

    def test_password_is_not_quoted(self, files: Files) -> None:
        files.write(files.main, {"tls.server.keyPassword": "se\\u0001cret"})
        (mistake,) = files.mistakes()
        assert mistake == (
            "file MAIN, line 1: tlsServerKeyPassword is not valid, expected a"
            " text without control characters"
        )

    def test_password_is_not_printed(
        self, files: Files, capsys: pytest.CaptureFixture[str]
    ) -> None:
        files.write(files.main, EVERY)
        assert main(["-p", "-c", str(files.main)]) == 0
        printed = capsys.readouterr().out
        assert "tlsServerKeyPassword=******\n" in printed
        assert "pa ss" not in printed
        assert main(["-p"]) == 0
        assert "tlsServerKeyPassword=\n" in capsys.readouterr().out


class TestCheckConfig:
    """It looks into the files, as a start does."""

    @pytest.mark.parametrize("mode", ["permissive", "enforcing"])
    def test_file_that_cannot_be_used_is_a_mistake(
        self, mode: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ["--tls-server-mode", mode, "--tls-server-cert-path", "/none"]
        assert main(["--check-config", *words]) == 2
        assert capsys.readouterr().err.endswith(
            "tls.server.certPath /none cannot be read: No such file or directory\n"
        )

    def test_disabled_needs_no_files(self) -> None:
        words = ["--tls-server-mode", "disabled", "--tls-server-cert-path", "/none"]
        assert main(["--check-config", *words]) == 0


class TestTlsConfigFile:
    def test_it_overrides_the_config_file_and_not_the_command_line(
        self, files: Files
    ) -> None:
        lines = {
            "tls.config.file": str(files.tls),
            "tls.server.mode": "enforcing",
            "tls.server.certPath": "/main",
            "tls.server.keyPath": "/main",
        }
        files.write(files.main, lines)
        files.write(files.tls, EVERY | {"tls.server.certPath": "/tls"} | OF_CLIENTS)
        options, _ = files.read("--tls-server-key-path", "/words")
        assert options.tls_server_cert_path == "/tls"
        assert options.tls_server_key_path == "/words"
        assert options.tls_server_key_password == "pa ss"

    def test_mode_in_it_has_no_effect_which_is_said(self, files: Files) -> None:
        files.write(files.tls, {"tls.server.mode": "disabled"})
        options, warnings = files.read("--tls-config-file", str(files.tls))
        assert options.tls_server_mode == "permissive"
        assert warnings == [
            f"file {files.tls}, line 1: tls.server.mode has no effect in this file, as"
            " in Java; give it in the -c file"
        ]

    def test_demand_for_tls_in_it_is_a_mistake_unless_it_is_met(
        self, files: Files
    ) -> None:
        files.write(files.tls, {"tls.server.mode": "Enforcing"})
        words = ["--tls-config-file", str(files.tls)]
        assert files.mistakes(*words) == [
            f"file {files.tls}, line 1: tls.server.mode has no effect in this file, as"
            " in Java; give it in the -c file"
        ]
        files.write(files.main, {"tls.server.mode": "enforcing"})
        assert files.read(*words)[0].tls_server_mode == "enforcing"

    def test_what_is_no_tls_in_it_has_no_effect(self, files: Files) -> None:
        files.write(files.tls, {"listenPort": "1", "other": "x"})
        options, warnings = files.read("--tls-config-file", str(files.tls))
        assert options.listen_port == 9876
        assert options.extra == {}
        assert warnings == []

    @pytest.mark.parametrize(
        ("key", "hint"),
        [
            ("TLS.server.authClient", "did you mean tls.server.authClient?"),
            ("tlsServerTrustCertPath", "did you mean tls.server.trustCertPath?"),
            ("adminAccess", "give it in the -c file"),
            ("brokerAcces", "give it in the -c file"),
        ],
    )
    def test_option_that_has_no_effect_in_it_is_a_mistake(
        self, files: Files, key: str, hint: str
    ) -> None:
        files.write(files.tls, {key: "x"})
        assert files.mistakes("--tls-config-file", str(files.tls)) == [
            f"file {files.tls}, line 1: {key!r} has no effect in this file; {hint}"
        ]

    def test_byte_order_mark_is_left_out(self, files: Files) -> None:
        files.tls.write_bytes(b"\xef\xbb\xbftls.server.certPath=/c\n")
        options, _ = files.read("--tls-config-file", str(files.tls))
        assert options.tls_server_cert_path == "/c"

    def test_certificate_of_an_enforcing_server_may_be_in_it(
        self, files: Files
    ) -> None:
        lines = {"tls.server.mode": "enforcing", "tls.test.mode.enable": "false"}
        files.write(files.main, lines | {"tls.config.file": str(files.tls)})
        files.write(files.tls, {"tls.server.certPath": "/c"})
        options, _ = files.read()
        assert options.tls_server_cert_path == "/c"

    def test_named_file_has_to_be_there(self, files: Files) -> None:
        assert files.mistakes("--tls-config-file", "/none") == [
            "file /none cannot be read: No such file or directory"
        ]

    def test_name_may_be_emptied(self, files: Files) -> None:
        options, _ = files.read("--tls-config-file", "")
        assert options.tls_config_file == ""

    def test_usual_file_is_read_if_it_is_there(
        self, files: Files, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usual = str(BY_NAME["tlsConfigFile"].default)
        assert usual == "/etc/rocketmq/tls.properties"
        assert files.read()
        # One that may not be looked at is there, and what it demands is not known.
        stat = os.stat

        def refuse(path: str, *, follow_symlinks: bool = True) -> os.stat_result:
            if path == usual:
                raise PermissionError(errno.EACCES, "Permission denied")
            return stat(path, follow_symlinks=follow_symlinks)

        monkeypatch.setattr(os, "stat", refuse)
        reason = f"file {usual} cannot be read: No such file or directory"
        assert reason in files.mistakes()


class TestContradictions:
    """What would let in everybody, or nobody, where something else was wanted."""

    @pytest.mark.parametrize(
        ("lines", "mistake"),
        [
            (
                {"tls.server.keyPath": "/k"},
                "tlsServerKeyPath is given, expected tlsServerCertPath beside it",
            ),
            (
                {"tls.server.mode": "enforcing", "tls.test.mode.enable": "false"},
                "tlsServerMode is enforcing, expected tlsServerCertPath beside it,"
                " because without a certificate nobody can connect",
            ),
            (
                {"tls.server.authClient": "true"},
                "tlsServerAuthClient is true, expected tlsServerTrustCertPath beside"
                " it, which says whose certificates are good",
            ),
            (
                {
                    "tls.server.authClient": "true",
                    "tls.server.trustCertPath": "/t",
                },
                "tlsServerAuthClient is true, expected tlsServerNeedClientAuth=require"
                " or optional beside it, because nobody is asked for a certificate"
                " without",
            ),
            (
                {"tls.server.need.client.auth": "require"},
                "tlsServerNeedClientAuth is require, expected tlsServerAuthClient=true"
                " beside it, because any certificate would do without",
            ),
        ],
    )
    def test_it_is_a_mistake_unless_tls_is_disabled(
        self, files: Files, lines: dict[str, str], mistake: str
    ) -> None:
        files.write(files.main, lines)
        assert files.mistakes() == [f"file MAIN, line 1: {mistake}"]
        files.write(files.main, lines | {"tls.server.mode": "disabled"})
        assert files.read()

    def test_enforcing_in_test_mode_is_none(self, files: Files) -> None:
        assert files.read("--tls-server-mode", "enforcing")

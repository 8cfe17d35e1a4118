"""A reload takes over all or nothing, and never widens access in silence."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from namesrv.errors import OptionsInvalid
from namesrv.options import BY_NAME, Options
from namesrv.routing.events import Event
from namesrv.routing.outbox import LogEvent
from namesrv.routing.requests.processor import RequestProcessor
from namesrv.server.files.access_keys import AccessKeysFile
from namesrv.server.life.reload import Reload
from namesrv.server.logs.change_lines import line_of
from namesrv.server.tls.gate import TlsGate
from tests.server.loop_free_server import RecordedLog
from tests.server.tls.tls_gate_files import shown_by
from tests.server.tls.tls_peer import Authority

REFUSED = "configuration not reloaded, the old one stays in use"
WIDER = "access is wider than before"


class Reloading:
    """A state, its access keys and its certificate, and a log."""

    def __init__(self, **options: Any) -> None:
        self.options = Options(**options)
        self.log = RecordedLog()
        self.state = RequestProcessor(self.options, lambda: 0, 0).state
        access = self.state.access
        self.keys = AccessKeysFile(self.options, access, self.log)
        self.tls = TlsGate(self.options, self.log)
        self.keys.load()
        self.tls.open()
        self.log.lines.clear()
        self._reload = Reload(self.state, self.log, self.keys, self.tls, self.flush)

    def flush(self) -> None:
        for effect in self.state.outbox.take():
            if isinstance(effect, Event):
                effect = line_of(effect)
            assert isinstance(effect, LogEvent)
            self.log.log_event(effect.level, effect.event, effect.fields)

    def run(self, **changes: Any) -> None:
        """As SIGHUP, with files that say something else by now."""
        found = replace(self.options, **changes)
        self._reload.run(lambda: found)

    def run_failing(self, mistake: str) -> None:
        """As SIGHUP, with a mistake in a source of options."""

        def read_options() -> Options:
            raise OptionsInvalid([mistake])

        self._reload.run(read_options)

    def reasons(self) -> list[object]:
        """Why nothing was taken over."""
        assert {line.event for line in self.log.lines} <= {REFUSED}
        return [line.fields["reason"] for line in self.log.lines]

    def wider(self) -> list[tuple[object, ...]]:
        """Option, old and new value of each warning."""
        lines = [line for line in self.log.lines if line.event == WIDER]
        assert {line.level for line in lines} <= {logging.WARNING}
        return [
            (line.fields["option"], line.fields["old"], line.fields["new"])
            for line in lines
        ]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.touch(0o600)
    path.write_text("ops=secret\n")
    return path


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.touch(0o600)
    path.write_text("write=write-token-0123456789\n")
    return path


def with_certificate(authority: Authority, name: str = "server") -> dict[str, Any]:
    identity = authority.identity(name)
    return {
        "tls_server_cert_path": identity.cert_path,
        "tls_server_key_path": identity.key_path,
    }


def spoil_keys(keys: Path, tls: dict[str, Any]) -> dict[str, Any]:
    keys.write_text("no key")
    return {}


def remove_keys(keys: Path, tls: dict[str, Any]) -> dict[str, Any]:
    keys.unlink()
    return {}


def spoil_private_key(keys: Path, tls: dict[str, Any]) -> dict[str, Any]:
    Path(tls["tls_server_key_path"]).write_text("no key")
    return {}


def trust_no_certificate(keys: Path, tls: dict[str, Any]) -> dict[str, Any]:
    return {
        "tls_server_trust_cert_path": str(keys),
        "tls_server_auth_client": True,
        "tls_server_need_client_auth": "require",
    }


Spoil = Callable[[Path, dict[str, Any]], dict[str, Any]]
SPOILT: dict[str, Spoil] = {
    "keys": spoil_keys,
    "keys gone": remove_keys,
    "other keys": lambda keys, tls: {"access_keys_file": f"{keys}.other"},
    "key": spoil_private_key,
    "certificate gone": lambda keys, tls: {"tls_server_cert_path": "/none"},
    "trust": trust_no_certificate,
    "ciphers": lambda keys, tls: {"tls_ciphers": "x"},
    "protocols": lambda keys, tls: {"tls_protocols": "TLSv1.1"},
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_mistake_in_any_file_changes_nothing(
    keys: Path, authority: Authority, spoil: Spoil
) -> None:
    tls = with_certificate(authority)
    it = Reloading(access_keys_file=str(keys), admin_access="signed", **tls)
    before = replace(it.options)
    certificate = shown_by(it.tls)
    mistakes = spoil(keys, tls)
    it.run(**{"admin_access": "open", "log_level": "DEBUG", "max_routes": 7} | mistakes)
    assert len(it.reasons()) == 1
    assert it.options == before
    assert len(it.state.access.keys) == 1
    assert shown_by(it.tls) == certificate
    it.run_failing("file x, line 1: what is wrong")
    assert it.reasons()[1:] == ["file x, line 1: what is wrong"]
    assert it.options == before


def test_what_waits_for_the_next_start_may_contradict_what_does_not(
    authority: Authority,
) -> None:
    """The mode would stay, and nobody could connect."""
    it = Reloading(
        tls_server_mode="enforcing",
        tls_test_mode_enable=False,
        **with_certificate(authority),
    )
    it.run(tls_server_mode="disabled", tls_server_cert_path="", tls_server_key_path="")
    assert it.reasons() == [
        "tlsServerMode is enforcing, expected tlsServerCertPath beside it, because"
        " without a certificate nobody can connect"
    ]
    assert it.options.tls_server_cert_path


TRUSTING = {
    "tls_server_auth_client": True,
    "tls_server_need_client_auth": "require",
}


@pytest.mark.parametrize(
    ("name", "old", "new", "is_wider"),
    [
        ("adminAccess", "off", "loopback", True),
        ("adminAccess", "off", "open", True),
        ("adminAccess", "loopback", "signed", True),
        ("adminAccess", "signed", "loopback", True),
        ("adminAccess", "signed", "open", True),
        ("adminAccess", "open", "signed", False),
        ("adminAccess", "loopback", "off", False),
        ("brokerAccess", "signed", "open", True),
        ("brokerAccess", "open", "signed", False),
        ("httpAccess", "off", "loopback", True),
        ("httpAccess", "loopback", "token", True),
        ("httpAccess", "token", "open", True),
        ("httpAccess", "open", "token", False),
        ("httpAccess", "token", "off", False),
        ("httpHosts", "", "ns.example", True),
        ("httpHosts", "ns.example", "", False),
        ("tlsServerNeedClientAuth", "require", "optional", True),
        ("tlsServerNeedClientAuth", "optional", "require", False),
    ],
)
def test_more_access_is_a_warning_with_both_values(
    keys: Path,
    tokens: Path,
    authority: Authority,
    name: str,
    old: Any,
    new: Any,
    is_wider: bool,
) -> None:
    attribute = BY_NAME[name].attribute
    options: dict[str, Any] = with_certificate(authority) | {
        "access_keys_file": str(keys),
        "http_token_file": str(tokens),
        "tls_server_trust_cert_path": authority.cert_path,
        **TRUSTING,
    }
    it = Reloading(**options | {attribute: old})
    it.run(**{attribute: new})
    assert getattr(it.options, attribute) == new
    assert it.wider() == ([(name, old, new)] if is_wider else [])


def test_tokens_that_cannot_be_used_refuse_the_reload(tokens: Path) -> None:
    it = Reloading(http_access="loopback")
    tokens.write_text("nonsense")
    it.run(http_access="token", http_token_file=str(tokens))
    (reason,) = it.reasons()
    assert str(reason).startswith(f"cannot use the HTTP tokens of {tokens}: line 1: ")
    assert it.options.http_access == "loopback"


def test_client_certificates_that_are_checked_no_more_are_warnings(
    authority: Authority,
) -> None:
    trusted = {"tls_server_trust_cert_path": authority.cert_path, **TRUSTING}
    it = Reloading(**with_certificate(authority), **trusted)
    it.run(
        tls_server_auth_client=False,
        tls_server_need_client_auth="none",
        tls_server_trust_cert_path="",
    )
    assert it.wider() == [
        ("tlsServerNeedClientAuth", "require", "none"),
        ("tlsServerAuthClient", True, False),
        ("tlsServerTrustCertPath", authority.cert_path, ""),
    ]


def test_every_option_that_narrows_access_is_watched() -> None:
    narrowing = {"adminAccess", "brokerAccess", "accessKeysFile"}
    of_clients = {"tlsServerAuthClient", "tlsServerNeedClientAuth"}
    for name in narrowing | of_clients | {"tlsServerTrustCertPath"}:
        assert BY_NAME[name].live, name


@pytest.mark.parametrize(
    "attribute",
    [
        "max_filter_servers",
        "max_mapped_queues_per_registration",
        "max_name_bytes",
        "max_queues_per_mapping",
        "max_routes",
        "max_topics_per_registration",
    ],
)
def test_limits_of_registrations_change_at_once(attribute: str) -> None:
    it = Reloading()
    it.run(**{attribute: 77})
    assert getattr(it.options, attribute) == 77


def test_other_certificate_and_ciphers_count_for_new_connections(
    authority: Authority,
) -> None:
    it = Reloading(**with_certificate(authority))
    before = shown_by(it.tls)
    other = with_certificate(authority, "other")
    it.run(**other, tls_protocols="TLSv1.2")
    assert shown_by(it.tls) != before
    assert it.tls.admit_tls().maximum_version.name == "TLSv1_2"


def test_throw_away_certificate_stays_until_its_options_change() -> None:
    it = Reloading()
    context = it.tls.admit_tls()
    it.run(max_routes=3)
    assert it.tls.admit_tls() is context
    it.run(tls_protocols="TLSv1.3")
    assert it.tls.admit_tls().minimum_version.name == "TLSv1_3"


def test_certificate_that_is_named_no_more_is_thrown_away(authority: Authority) -> None:
    it = Reloading(**with_certificate(authority))
    before = shown_by(it.tls)
    it.run(tls_server_cert_path="", tls_server_key_path="")
    assert shown_by(it.tls) != before

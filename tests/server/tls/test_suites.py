"""Protocols and ciphers: those that are offered, and those that OpenSSL lacks."""

import ssl
from typing import Any

import pytest

from namesrv.errors import OptionsInvalid
from namesrv.options import Options
from namesrv.server.tls.gate import TlsGate
from namesrv.server.tls.layer import TlsLayer
from namesrv.server.tls.suites import restrict
from tests.server.loop_free_server import RecordedLog
from tests.server.tls.tls_peer import TlsClient, client_context

NEW = "TLS_AES_256_GCM_SHA384,TLS_CHACHA20_POLY1305_SHA256,TLS_AES_128_GCM_SHA256"
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def restricted(protocols: str = "", ciphers: str = "") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    restrict(context, Options(tls_protocols=protocols, tls_ciphers=ciphers))
    return context


def mistake(protocols: str = "", ciphers: str = "") -> str:
    with pytest.raises(OptionsInvalid) as caught:
        restricted(protocols, ciphers)
    (sentence,) = caught.value.mistakes
    return sentence


@pytest.mark.parametrize(
    ("protocols", "lowest", "highest"),
    [
        ("", V12, V13),
        ("TLSv1.2", V12, V12),
        ("TLSv1.3", V13, V13),
        ("TLSv1.3, TLSv1.2,", V12, V13),
    ],
)
def test_protocols(
    protocols: str, lowest: ssl.TLSVersion, highest: ssl.TLSVersion
) -> None:
    context = restricted(protocols)
    assert (context.minimum_version, context.maximum_version) == (lowest, highest)


@pytest.mark.parametrize("name", ["TLSv1.1", "tlsv1.2", "TLSv1.2;TLSv1.3", "1.2"])
def test_protocol_that_is_not_spoken(name: str) -> None:
    assert mistake(f"TLSv1.2,{name}") == (
        f"tls.protocols has {name!r}, expected TLSv1.2, TLSv1.3 or TLSv1.2,TLSv1.3"
    )


@pytest.mark.parametrize(
    ("java", "openssl"),
    [
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256"),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"),
        ("TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", "DHE-RSA-AES256-SHA256"),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
        ("SSL_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"),
        ("TLS_RSA_WITH_CAMELLIA_256_CBC_SHA", "CAMELLIA256-SHA"),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "ECDHE-ECDSA-AES128-CCM8"),
        (
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "ECDHE-RSA-CHACHA20-POLY1305",
        ),
    ],
)
def test_cipher_in_javas_and_in_openssls_spelling(java: str, openssl: str) -> None:
    for name in (java, openssl):
        context = restricted(ciphers=f" {name} ,")
        offered = [cipher["name"] for cipher in context.get_ciphers()]
        assert [word for word in offered if word not in NEW.split(",")] == [openssl]
        # Only ciphers of 1.2 are named, so that 1.3 is not spoken.
        assert context.maximum_version == V12


def test_versions_are_those_that_have_a_cipher() -> None:
    assert restricted(ciphers=NEW).minimum_version == V13
    both = restricted(ciphers=f"{NEW},AES128-SHA")
    assert (both.minimum_version, both.maximum_version) == (V12, V13)
    old = restricted("TLSv1.2", "TLS_AES_128_GCM_SHA256,AES128-SHA")
    assert old.maximum_version == V12


@pytest.mark.parametrize(
    "name",
    [
        "TLS_RSA_WITH_RC4_128_MD5",
        "ADH-AES128-SHA",
        "TLS_DH_anon_WITH_AES_128_CBC_SHA",
        "TLS_RSA_WITH_NULL_SHA",
        "PSK-AES128-CBC-SHA",
        "HIGH:!aNULL",
        "HIGH",
        "ecdhe-rsa-aes128-sha",
    ],
)
def test_cipher_that_there_is_not_or_that_shows_no_certificate(name: str) -> None:
    sentence = mistake(ciphers=f"AES128-SHA,{name}")
    assert sentence.startswith(f"tls.ciphers has {name!r}, expected names of ciphers")


def test_part_of_the_ciphers_of_tls_1_3_is_refused_where_none_can_be_chosen() -> None:
    class Choosing(ssl.SSLContext):
        chosen = ""

        def set_ciphersuites(self, text: str) -> None:
            self.chosen = text

    options = Options(tls_ciphers="TLS_AES_128_GCM_SHA256")
    context = Choosing(ssl.PROTOCOL_TLS_SERVER)
    restrict(context, options)
    assert context.chosen == "TLS_AES_128_GCM_SHA256"

    class Fixed:
        """As `ssl.SSLContext` before Python 3.15."""

    with pytest.raises(OptionsInvalid) as caught:
        restrict(Fixed(), options)  # type: ignore[arg-type]
    assert str(caught.value).startswith(
        "tls.ciphers has TLS_AES_128_GCM_SHA256 and not TLS_AES_256_GCM_SHA384 and"
        " TLS_CHACHA20_POLY1305_SHA256, expected all ciphers of TLSv1.3 or none,"
    )


def test_nothing_that_is_left_is_refused() -> None:
    assert mistake("TLSv1.3", "AES128-SHA") == (
        "tls.ciphers is 'AES128-SHA', expected a cipher of TLSv1.3, because nobody can"
        " connect without"
    )
    assert mistake("", ",").startswith("tls.ciphers is ',', expected a cipher of")


@pytest.mark.parametrize("mode", ["permissive", "enforcing"])
@pytest.mark.parametrize("name", ["tls_protocols", "tls_ciphers"])
def test_server_does_not_start_with_a_mistake(mode: str, name: str) -> None:
    options: dict[str, Any] = {"tls_server_mode": mode, name: "x"}
    with pytest.raises(OptionsInvalid):
        TlsGate(Options(**options), RecordedLog()).open()


def test_disabled_server_is_not_asked() -> None:
    options = Options(tls_server_mode="disabled", tls_ciphers="x")
    TlsGate(options, RecordedLog()).open()


def test_peers_agree_on_the_named_protocol_and_cipher() -> None:
    options = Options(tls_ciphers="TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")
    gate = TlsGate(options, RecordedLog())
    layer, client = TlsLayer(gate.admit_tls()), TlsClient(client_context())
    layer.receive(client.start())
    to_send, _ = client.receive(layer.take_output())
    layer.receive(to_send)
    client.receive(layer.take_output())
    assert layer.is_open
    chosen = client.object.cipher()
    assert chosen is not None
    assert chosen[:2] == ("ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.2")

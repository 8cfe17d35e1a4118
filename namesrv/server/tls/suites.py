"""Protocols and ciphers that a TLS context offers: `tls.protocols`, `tls.ciphers`.

Source: `TlsHelper#moreTlsConfig` of RocketMQ 5.5.0, which splits both at commas and
passes them to Netty. Netty accepts Java's and OpenSSL's names of ciphers, and disables
a version without a named cipher, and so does this module.
"""

import re
import ssl
from collections.abc import Collection, Sequence
from typing import Final

from namesrv.errors import OptionsInvalid
from namesrv.options import Options

_VERSIONS: Final = {
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
_OLD, _NEW = _VERSIONS
_NEW_CIPHERS: Final = (
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256",
)
"""Ciphers of TLS 1.3. Before 3.15, Python's `ssl` allows all or none of them."""
_WITH_CERTIFICATES: Final = "ALL:COMPLEMENTOFALL:!aNULL:!eNULL:!PSK:!SRP"
_JAVA_NAME: Final = re.compile("(?:TLS|SSL)_([A-Za-z0-9_]+)_WITH_([A-Z0-9_]+)")
_REWRITTEN: Final = (
    (re.compile("^RSA_"), ""),
    (re.compile("3DES_EDE_CBC"), "DES_CBC3"),
    (re.compile("(AES|CAMELLIA|ARIA)_(128|256)"), r"\1\2"),
    (re.compile("(?<!DES)_CBC"), ""),
    (re.compile("CCM_8"), "CCM8"),
    (re.compile("CHACHA20_POLY1305_SHA256"), "CHACHA20_POLY1305"),
    (re.compile("_"), "-"),
)


def restrict(context: ssl.SSLContext, options: Options) -> None:
    """Limit `context` to `tlsProtocols` and `tlsCiphers`; empty ones allow all.

    Raises OptionsInvalid with one sentence for a protocol or cipher that OpenSSL lacks.
    """
    versions = _versions(options.tls_protocols)
    if options.tls_ciphers:
        old, new = _ciphers(options.tls_ciphers)
        if not old:
            versions = [name for name in versions if name != _OLD]
        if not new:
            versions = [name for name in versions if name != _NEW]
        if _NEW in versions:
            _choose_new(context, new)
        if _OLD in versions:
            context.set_ciphers(":".join(old))
    if not versions:
        raise OptionsInvalid(
            [
                f"tls.ciphers is {options.tls_ciphers!r}, expected a cipher of"
                f" {options.tls_protocols or 'TLSv1.2 or TLSv1.3'}, because nobody can"
                " connect without"
            ]
        )
    context.minimum_version = _VERSIONS[versions[0]]
    context.maximum_version = _VERSIONS[versions[-1]]


def _versions(text: str) -> list[str]:
    """The named versions, lowest first; all if none is named."""
    named = _parts(text)
    for name in named:
        if name not in _VERSIONS:
            raise OptionsInvalid(
                [
                    f"tls.protocols has {name!r}, expected {_OLD}, {_NEW} or"
                    f" {_OLD},{_NEW}"
                ]
            )
    return [name for name in _VERSIONS if name in named or not named]


def _ciphers(text: str) -> tuple[list[str], list[str]]:
    """OpenSSL's names of the ciphers: those of TLS 1.2, and those of TLS 1.3."""
    known = _known_ciphers()
    old: list[str] = []
    new: list[str] = []
    for name in _parts(text):
        if name in _NEW_CIPHERS:
            new.append(name)
        elif (own_name := _openssl_name(name)) in known:
            old.append(own_name)
        else:
            raise OptionsInvalid(
                [
                    f"tls.ciphers has {name!r}, expected names of ciphers that"
                    f" {ssl.OPENSSL_VERSION} has and that show a certificate, such as"
                    " TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, joined by commas"
                ]
            )
    return old, new


def _choose_new(context: ssl.SSLContext, names: Sequence[str]) -> None:
    choose = getattr(context, "set_ciphersuites", None)
    if choose is not None:
        choose(":".join(names))
        return
    missing = [name for name in _NEW_CIPHERS if name not in names]
    if missing:
        raise OptionsInvalid(
            [
                f"tls.ciphers has {names[0]} and not {' and '.join(missing)}, expected"
                " all ciphers of TLSv1.3 or none, because this version of Python cannot"
                " choose among them (tls.protocols=TLSv1.2 does without)"
            ]
        )


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _known_ciphers() -> Collection[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(_WITH_CERTIFICATES)
    names = {cipher["name"] for cipher in context.get_ciphers()}
    return names - set(_NEW_CIPHERS)


def _openssl_name(name: str) -> str:
    """TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA -> ECDHE-RSA-AES128-SHA."""
    match = _JAVA_NAME.fullmatch(name)
    if match is None:
        return name
    word = f"{match[1]}_{match[2]}"
    for pattern, replacement in _REWRITTEN:
        word = pattern.sub(replacement, word)
    return word

"""Contexts of TLS, from the operator's files or a throw-away certificate.

Source: `TlsHelper#buildSslContext` (protocol.md section 5.2).
"""

import ssl
from typing import Final

from namesrv.errors import TlsFilesInvalid
from namesrv.options import Options
from namesrv.server.tls.layer import openssl_reason
from namesrv.server.tls.suites import restrict

_OF_ANOTHER_CERTIFICATE: Final = (
    "KEY_TYPE_MISMATCH",
    "KEY_VALUES_MISMATCH",
    "NO_CERTIFICATE_ASSIGNED",
)

_UNREADABLE: Final = (None, "", "PEM_LIB", "BAD_DECRYPT", "BAD_BASE64_DECODE")
"""OpenSSL's reasons for a key that it cannot read."""


def empty_context(options: Options) -> ssl.SSLContext:
    """A context with protocols and ciphers only. Raises OptionsInvalid."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    restrict(context, options)
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


def context_without_certificate(options: Options) -> ssl.SSLContext:
    """A context with rules for client certificates, and no certificate of its own.

    Raises TlsFilesInvalid and OptionsInvalid.
    """
    context = empty_context(options)
    _set_client_certificates(context, options)
    return context


def throw_away_context(options: Options) -> ssl.SSLContext:
    """The context of test mode. Raises TlsFilesInvalid and OptionsInvalid."""
    from namesrv.server.tls.certificate import (  # noqa: PLC0415
        load_throw_away_certificate,
    )

    context = context_without_certificate(options)
    try:
        load_throw_away_certificate(context)
    except (ImportError, OSError) as error:
        raise TlsFilesInvalid(
            "there is no certificate: name one with tls.server.certPath and"
            f" tls.server.keyPath, because no throw-away one can be made ({error})"
        ) from None
    return context


def context_of_files(options: Options) -> ssl.SSLContext:
    """The context of the files. Raises TlsFilesInvalid and OptionsInvalid."""
    context = context_without_certificate(options)
    cert_path = options.tls_server_cert_path
    key_path = options.tls_server_key_path or cert_path
    _certificates("tls.server.certPath", cert_path)
    if b"PRIVATE KEY-----" not in _read("tls.server.keyPath", key_path):
        raise TlsFilesInvalid(f"tls.server.keyPath {key_path} has no private key")

    def password() -> str:
        if not options.tls_server_key_password:
            raise TlsFilesInvalid(
                f"tls.server.keyPath {key_path} is encrypted, and"
                " tls.server.keyPassword is not set"
            )
        return options.tls_server_key_password

    try:
        context.load_cert_chain(cert_path, key_path, password)
    except ssl.SSLError as error:
        # The certificate was read before, so the error is about the key.
        if error.reason in _OF_ANOTHER_CERTIFICATE:
            what = f"belongs to another certificate than {cert_path}"
        elif error.reason not in _UNREADABLE:
            what = f"with {cert_path} is refused by OpenSSL: {openssl_reason(error)}"
        elif options.tls_server_key_password:
            what = "cannot be read: tls.server.keyPassword is wrong, or it is damaged"
        else:
            what = "cannot be read, because it is damaged"
        raise TlsFilesInvalid(f"tls.server.keyPath {key_path} {what}") from None
    except OSError as error:
        raise TlsFilesInvalid(f"{cert_path}, {key_path}: {error.strerror}") from None
    except ValueError:
        raise TlsFilesInvalid(
            f"tls.server.keyPath {key_path} cannot be read: tls.server.keyPassword is"
            " too long for OpenSSL, or has bytes that are no text"
        ) from None
    return context


def _set_client_certificates(context: ssl.SSLContext, options: Options) -> None:
    """Set whether clients need a certificate, and the certificates that are trusted.

    Without a trust store no certificate is requested; Java requests and ignores it.
    """
    wanted = options.tls_server_need_client_auth
    if wanted == "none" or not options.tls_server_auth_client:
        return
    path = options.tls_server_trust_cert_path
    context.load_verify_locations(
        cadata=_certificates("tls.server.trustCertPath", path)
    )
    # As in Java, all certificates of the store are trusted, not only roots.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_mode = (
        ssl.CERT_REQUIRED if wanted == "require" else ssl.CERT_OPTIONAL
    )


def _read(name: str, path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise TlsFilesInvalid(
            f"{name} {path} cannot be read: {error.strerror}"
        ) from None


def _certificates(name: str, path: str) -> str:
    """The text of a file with at least one certificate, all of them valid PEM."""
    text = _read(name, path).decode("ascii", "ignore")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        raise TlsFilesInvalid(
            f"{name} {path} has no certificate in PEM, or a damaged one"
        ) from None
    return text

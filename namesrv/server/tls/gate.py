"""Who may connect with TLS and who without it, and the certificate that is shown.

Source: `TlsHelper`, `TlsSystemConfig`, `NettyRemotingServer#loadSslContext`,
`NamesrvController#initialize` (protocol.md sections 5.2 and 9.8).
"""

import logging
import os
import ssl
from typing import Final, NamedTuple

from namesrv.errors import (
    StartFailed,
    TlsFilesInvalid,
    TlsRequired,
    TlsUnavailable,
)
from namesrv.options import OPTIONS, TLS, Options
from namesrv.server.logs.events import EventLog
from namesrv.server.tls.suites import restrict

CHECK_MILLIS: Final = 1000
"""How often the files are checked. A change is loaded one check later."""

_OF_ANOTHER_CERTIFICATE: Final = (
    "KEY_TYPE_MISMATCH",
    "KEY_VALUES_MISMATCH",
    "NO_CERTIFICATE_ASSIGNED",
)

_UNREADABLE: Final = (None, "", "PEM_LIB", "BAD_DECRYPT", "BAD_BASE64_DECODE")
"""Reasons that are the library's way of saying that a key cannot be read."""

_Stamp = tuple[tuple[int, int, int, int] | None, ...]


class TlsGate:
    """Decides by mode and first byte, and holds the context for new connections.

    A context is never changed: files that changed make a new one, and open connections
    keep the one they have.
    """

    def __init__(self, options: Options, log: EventLog) -> None:
        self._options = options
        self._log = log
        self._context: ssl.SSLContext | None = None
        self._why_none = "tls.server.mode is disabled"
        self._loaded: _Stamp = ()
        self._seen: _Stamp = ()
        self._next_check_ms = 0
        self._has_tried = False
        self._is_on = options.tls_server_mode != "disabled"
        self._is_enforcing = options.tls_server_mode == "enforcing"

    def open(self) -> None:
        """Load what there is, at the start.

        Raises StartFailed where nobody could connect without it, and OptionsInvalid for
        protocols or ciphers that OpenSSL does not have. Otherwise what is wrong with
        the files is logged, and TLS is refused until they are mended.
        """
        if self._is_on:
            _empty_context(self._options)
        if not self._is_enforcing:
            self.reload()
            return
        try:
            if self._options.tls_server_cert_path:
                self._load()
            else:
                self._make_throw_away()
        except TlsFilesInvalid as error:
            self._why_none = str(error)
        if self._context is None:
            raise StartFailed(f"tls.server.mode is enforcing, and {self._why_none}")

    def admit_plain(self) -> None:
        """A connection begins without TLS. Raises TlsRequired."""
        if self._is_enforcing:
            raise TlsRequired

    def admit_tls(self) -> ssl.SSLContext:
        """A connection begins with TLS; its context. Raises TlsUnavailable."""
        if self._context is None and self._is_on:
            self._make_throw_away()
        if self._context is None:
            raise TlsUnavailable(self._why_none)
        return self._context

    def check_files(self, now_ms: int) -> None:
        """Load files that have changed, once they stay as they are. Call it often."""
        if now_ms < self._next_check_ms or not self._options.tls_server_cert_path:
            return
        self._next_check_ms = now_ms + CHECK_MILLIS
        if self._is_on:
            stamp = _stamp(self._options)
            # Certificate and key are replaced one after the other.
            if stamp != self._loaded and stamp == self._seen:
                self.reload()
            self._seen = stamp

    def reload(self) -> bool:
        """Load the files again, now; False when they cannot be used, which is logged.

        Then the certificate of before stays in use.
        """
        if not self._is_on or not self._options.tls_server_cert_path:
            return False
        try:
            self._load()
        except TlsFilesInvalid as error:
            self._report_failure(str(error))
            return False
        return True

    def prepare(self, options: Options) -> "PreparedTls":
        """Prepare files and context for `take` with these options; nothing changes yet.

        Raises TlsFilesInvalid and OptionsInvalid.
        """
        # Before they are read, so that a change meanwhile is seen by the next look.
        stamp = _stamp(options)
        context = self._context
        if not self._is_on:
            context = None
        elif options.tls_server_cert_path:
            context = context_of_files(options)
        elif _tls_options(options) != _tls_options(self._options):
            context = self._anew_without_files(options)
        return PreparedTls(stamp, context)

    def take(self, prepared: "PreparedTls") -> None:
        """Use what was prepared for new connections; the options are the new ones."""
        before, self._context = self._context, prepared.context
        self._loaded = prepared.stamp
        self._has_tried = self._context is not None
        if self._context is not None and self._context is not before:
            self._report_success(is_new=before is None)

    def _anew_without_files(self, options: Options) -> ssl.SSLContext | None:
        """A throw-away context where there is one already, else one when asked for."""
        if not options.tls_test_mode_enable:
            return None
        if self._context is not None or self._is_enforcing:
            return throw_away_context(options)
        _set_client_certificates(_empty_context(options), options)
        return None

    def _load(self) -> None:
        """Raises TlsFilesInvalid; then the context stays what it is."""
        self._loaded = _stamp(self._options)
        context = context_of_files(self._options)
        before, self._context = self._context, context
        self._report_success(is_new=before is None)

    def _report_success(self, *, is_new: bool) -> None:
        path = self._options.tls_server_cert_path
        if not path:
            event = "temporary TLS certificate created, clients cannot verify it"
            self._log.log_own(logging.WARNING, event, {"test_mode": True})
            return
        event = "TLS certificate replaced, for new connections"
        if is_new:
            event = "TLS certificate loaded"
        self._log.log_own(logging.INFO, event, {"certificate": path})

    def _report_failure(self, reason: str) -> None:
        event = "TLS files cannot be used, refusing TLS until they are corrected"
        if self._context is not None:
            event = "new TLS files cannot be used, keeping the old certificate"
        else:
            self._why_none = reason
        self._log.log_own(logging.ERROR, event, {"reason": reason})

    def _make_throw_away(self) -> None:
        """The certificate of test mode, made when somebody needs one."""
        if self._options.tls_server_cert_path or self._has_tried:
            return
        self._has_tried = True
        if not self._options.tls_test_mode_enable:
            self._why_none = "tls.server.certPath names no certificate"
            return
        try:
            self._context = throw_away_context(self._options)
        except TlsFilesInvalid as error:
            self._why_none = str(error)
        else:
            self._report_success(is_new=True)


class PreparedTls(NamedTuple):
    """The result of `TlsGate.prepare`: the state of the files, and their context."""

    stamp: _Stamp
    context: ssl.SSLContext | None


def throw_away_context(options: Options) -> ssl.SSLContext:
    """The context of test mode. Raises TlsFilesInvalid and OptionsInvalid."""
    from namesrv.server.tls.certificate import (  # noqa: PLC0415
        load_throw_away_certificate,
    )

    context = _empty_context(options)
    _set_client_certificates(context, options)
    try:
        load_throw_away_certificate(context)
    except (ImportError, OSError) as error:
        raise TlsFilesInvalid(
            "there is no certificate: name one with tls.server.certPath and"
            f" tls.server.keyPath, because no throw-away one can be made ({error})"
        ) from None
    return context


def context_of_files(options: Options) -> ssl.SSLContext:
    """The context that the files make. Raises TlsFilesInvalid and OptionsInvalid."""
    context = _empty_context(options)
    _set_client_certificates(context, options)
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
        # The certificate has been read before, so that this is about the key.
        if error.reason in _OF_ANOTHER_CERTIFICATE:
            what = f"belongs to another certificate than {cert_path}"
        elif error.reason not in _UNREADABLE:
            what = f"with {cert_path} is refused by OpenSSL: {_words(error.reason)}"
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


def _words(reason: str) -> str:
    """OpenSSL's reason as words: EE_KEY_TOO_SMALL -> ee key too small."""
    return reason.lower().replace("_", " ")


def _empty_context(options: Options) -> ssl.SSLContext:
    """Raises OptionsInvalid for protocols or ciphers that OpenSSL does not have."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    restrict(context, options)
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


def _tls_options(options: Options) -> list[object]:
    return [getattr(options, o.attribute) for o in OPTIONS if o.group == TLS]


def _set_client_certificates(context: ssl.SSLContext, options: Options) -> None:
    """Whether clients are asked for a certificate, and which ones are good.

    Nobody is asked where any would do: Java asks, and then looks at none.
    """
    wanted = options.tls_server_need_client_auth
    if wanted == "none" or not options.tls_server_auth_client:
        return
    path = options.tls_server_trust_cert_path
    context.load_verify_locations(
        cadata=_certificates("tls.server.trustCertPath", path)
    )
    # As Java: whatever is in the store is trusted, not only roots.
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
    """The text of a file that has at least one certificate, and none that is broken."""
    text = _read(name, path).decode("ascii", "ignore")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        raise TlsFilesInvalid(
            f"{name} {path} has no certificate in PEM, or a damaged one"
        ) from None
    return text


def _stamp(options: Options) -> _Stamp:
    """What changes when one of the files does."""
    paths = (
        options.tls_server_cert_path,
        options.tls_server_key_path,
        options.tls_server_trust_cert_path,
    )
    return tuple(map(_file_stamp, paths))


def _file_stamp(path: str) -> tuple[int, int, int, int] | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns

"""The gate of TLS: which connections use it, and the certificate that they get.

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
from namesrv.option import TLS
from namesrv.options import OPTIONS, Options
from namesrv.server.logs.events import EventLog
from namesrv.server.tls.context import (
    context_of_files,
    context_without_certificate,
    empty_context,
    throw_away_context,
)

CHECK_MILLIS: Final = 1000
"""Interval of checks of the files. Changed files are loaded one check later."""

_Stamp = tuple[tuple[int, int, int, int] | None, ...]


class TlsGate:
    """Decides by mode and first byte, and holds the context for new connections.

    A context never changes: changed files make a new one, and open connections keep
    theirs.
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
        """Load the files at the start.

        Raises StartFailed for unusable files in mode enforcing, in which nobody could
        connect, and OptionsInvalid for protocols or ciphers that OpenSSL lacks. In
        other modes errors of the files are logged, and TLS is refused until they are
        repaired.
        """
        if self._is_on:
            empty_context(self._options)
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
        """Admit a connection without TLS. Raises TlsRequired."""
        if self._is_enforcing:
            raise TlsRequired

    def admit_tls(self) -> ssl.SSLContext:
        """The context for a connection with TLS. Raises TlsUnavailable."""
        if self._context is None and self._is_on:
            self._make_throw_away()
        if self._context is None:
            raise TlsUnavailable(self._why_none)
        return self._context

    def check_files(self, now_ms: int) -> None:
        """Load changed files once they stay the same for a check. Call it often."""
        if now_ms < self._next_check_ms or not self._options.tls_server_cert_path:
            return
        self._next_check_ms = now_ms + CHECK_MILLIS
        if self._is_on:
            stamp = _stamp(self._options)
            # Operators replace certificate and key one after the other.
            if stamp != self._loaded and stamp == self._seen:
                self.reload()
            self._seen = stamp

    def reload(self) -> bool:
        """Load the files now; False if they cannot be used, which is logged.

        The old certificate then stays in use.
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
        # Taken before the files are read: the next check sees a change meanwhile.
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
        """Use the prepared context for new connections."""
        before, self._context = self._context, prepared.context
        self._loaded = prepared.stamp
        self._has_tried = self._context is not None
        if self._context is not None and self._context is not before:
            self._report_success(is_new=before is None)

    def _anew_without_files(self, options: Options) -> ssl.SSLContext | None:
        """A throw-away context if there is one already; else it is made on demand."""
        if not options.tls_test_mode_enable:
            return None
        if self._context is not None or self._is_enforcing:
            return throw_away_context(options)
        context_without_certificate(options)
        return None

    def _load(self) -> None:
        """Load the files. Raises TlsFilesInvalid; the context is then unchanged."""
        self._loaded = _stamp(self._options)
        context = context_of_files(self._options)
        before, self._context = self._context, context
        self._report_success(is_new=before is None)

    def _report_success(self, *, is_new: bool) -> None:
        path = self._options.tls_server_cert_path
        if not path:
            event = "throw-away TLS certificate generated, clients cannot verify it"
            self._log.log_own(logging.WARNING, event, {"test_mode": True})
            return
        event = "TLS certificate reloaded"
        if is_new:
            event = "TLS certificate loaded"
        self._log.log_own(logging.INFO, event, {"certificate": path})

    def _report_failure(self, reason: str) -> None:
        event = "cannot load the TLS files, TLS connections are refused"
        if self._context is not None:
            event = "cannot reload the TLS files, the old certificate stays in use"
        else:
            self._why_none = reason
        self._log.log_own(logging.ERROR, event, {"reason": reason})

    def _make_throw_away(self) -> None:
        """Make the certificate of test mode, unless that was tried before."""
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


def _tls_options(options: Options) -> list[object]:
    return [getattr(options, o.attribute) for o in OPTIONS if o.group == TLS]


def _stamp(options: Options) -> _Stamp:
    """A value that changes with each of the files."""
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

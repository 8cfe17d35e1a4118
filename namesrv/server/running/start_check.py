"""`--check-config`: finds the mistakes that a start would find, without a trace.

The functions of a start are called where they change nothing. Files and directories
that a start would make are not made: a check may run as another user than the server.
"""

import contextlib
import errno
import fcntl
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from namesrv.errors import (
    OptionsInvalid,
    PlaceInUse,
    StartFailed,
    StorageError,
    TlsUnavailable,
)
from namesrv.options import Options
from namesrv.routing.history.segments import segment_name
from namesrv.routing.requests.processor import RequestProcessor
from namesrv.server.clock import monotonic_millis, wall_millis
from namesrv.server.connections.file_limit import raise_file_limit
from namesrv.server.connections.listeners import open_http_listeners, open_listeners
from namesrv.server.files.access_keys import read_keys_file
from namesrv.server.files.atomic import read
from namesrv.server.files.data_directory import LOCK_FILE
from namesrv.server.files.http_tokens import read_http_tokens
from namesrv.server.files.kv_config_file import load_kv_config
from namesrv.server.logs.events import EventLog
from namesrv.server.logs.line_file import check_kind
from namesrv.server.running.run import loop_factory
from namesrv.server.tls.gate import TlsGate

_NO_DIRECTORY: Final = (errno.ENOTDIR, errno.EEXIST)


class StartCheck:
    """The findings: `mistakes` refuse a start, `warnings` do not, and `in_use` lasts
    only as long as another process holds it."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.mistakes: list[str] = []
        self.warnings: list[str] = []
        self.in_use: list[str] = []
        for look in (
            raise_file_limit,
            self._look_for_loop,
            self._look_at_data_directory,
            self._look_at_recorder,
            self._look_at_state_files,
            self._look_at_access_keys,
            self._look_at_http_tokens,
            self._look_at_tls,
            self._look_at_addresses,
            self._look_at_logs,
        ):
            self._collect(look)

    def _collect(self, look: Callable[[], object]) -> None:
        try:
            look()
        except PlaceInUse as error:
            self.in_use.append(str(error))
        except (StartFailed, StorageError) as error:
            self.mistakes.append(str(error))
        except OptionsInvalid as error:
            self.mistakes += error.mistakes

    def _look_for_loop(self) -> None:
        loop_factory(self._options.loop)

    def _look_at_data_directory(self) -> None:
        path = os.path.abspath(self._options.data_dir)
        lock = os.path.join(path, LOCK_FILE)
        problem = _why_not_writable(lock)
        if problem is not None and problem.errno in _NO_DIRECTORY:
            self.mistakes.append(
                f"cannot use the data directory {path}: {problem.strerror}; choose"
                " another one with --data-dir"
            )
        elif problem is not None:
            self.warnings.append(
                f"the data directory {path} cannot be written ({problem.strerror}):"
                " a server would refuse changes of the KV table and of the"
                " configuration"
            )
        if _is_locked(lock):
            raise PlaceInUse(f"the data directory {path} is in use by another process")

    def _look_at_recorder(self) -> None:
        if not self._options.record_dir:
            return
        path = os.path.abspath(self._options.record_dir)
        problem = _why_not_writable(os.path.join(path, segment_name(0)))
        if problem is not None and problem.errno in _NO_DIRECTORY:
            self.mistakes.append(
                f"cannot use {path} as the directory of the recorder:"
                f" {problem.strerror}; choose another one with --record"
            )
        elif problem is not None:
            self.warnings.append(
                f"the directory of the recorder {path} cannot be written"
                f" ({problem.strerror}): a server would not record events"
            )

    def _look_at_state_files(self) -> None:
        options = self._options
        state = RequestProcessor(options, wall_millis, monotonic_millis()).state
        self._collect(lambda: load_kv_config(state.kv_config, options.kv_config_path))
        self._collect(lambda: state.configuration.load(read(options.config_store_path)))

    def _look_at_access_keys(self) -> None:
        if self._options.access_keys_file:
            warning = read_keys_file(self._options.access_keys_file)[1]
            self.warnings += [] if warning is None else [warning]

    def _look_at_http_tokens(self) -> None:
        if self._options.http_token_file:
            read_http_tokens(self._options.http_token_file)

    def _look_at_tls(self) -> None:
        log = _Errors()
        gate = TlsGate(self._options, log)
        gate.open()
        # A start goes on without TLS, as Java's; a check exists to find that.
        self.mistakes += log.reasons
        has_no_files = not self._options.tls_server_cert_path
        if has_no_files and self._options.tls_server_mode != "disabled":
            try:
                gate.admit_tls()
            except TlsUnavailable as fault:
                self.warnings.append(f"TLS will be refused: {fault}")

    def _look_at_addresses(self) -> None:
        listeners = open_listeners(self._options)
        of_http = open_http_listeners(self._options, beside=listeners)
        for listener in (*listeners, *of_http):
            listener.close()

    def _look_at_logs(self) -> None:
        for path, name, flag in (
            (self._options.log_file, "log file", "--log-file"),
            (self._options.audit_log, "audit log", "--audit-log"),
        ):
            problem = _why_no_log(os.path.abspath(path)) if path else None
            if problem is not None:
                self.mistakes.append(
                    f"cannot open the {name} {path}: {problem.strerror}; choose another"
                    f" one with {flag}"
                )


class _Errors(EventLog):
    """Collects the reasons of events that a start would log as errors."""

    def __init__(self) -> None:
        super().__init__()
        self.reasons: list[str] = []

    def log_own(self, level: int, event: str, fields: Mapping[str, object]) -> None:
        """Keep the reason, and write nothing."""
        if level >= logging.ERROR:
            self.reasons.append(str(fields["reason"]))


def _why_no_log(path: str) -> OSError | None:
    """The reason why lines could not be appended to it."""
    try:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            check_kind(os.lstat(path).st_mode)
    except OSError as error:
        return error
    return _why_not_writable(path)


def _why_not_writable(path: str) -> OSError | None:
    """The reason why this user could not write a file, which may be new."""
    try:
        # The path may be a pipe: it is neither created nor opened.
        flags = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC
        os.close(os.open(path, flags))
    except FileNotFoundError:
        folder = next(filter(os.path.lexists, _parents(path)))
        if not os.path.isdir(folder):
            return NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(folder, os.W_OK | os.X_OK):
            return PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        return error
    return None


def _parents(path: str) -> Iterator[str]:
    while path != (path := os.path.dirname(path)):
        yield path


def _is_locked(path: str) -> bool:
    """Whether a server holds the lock; it is taken for a moment, shared."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(lock)
    return False

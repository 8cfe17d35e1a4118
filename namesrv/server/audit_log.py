"""The audit log (`auditLog`): who changed what, one JSON object a line, only appended.

Lines are made on the loop and written by a thread. A file that fails costs lines, which
are counted, and is told of in the log once a second at most; the server goes on. The
file is rotated as the log file is (`logFileMaxBytes`, `logFileBackups`).
"""

import asyncio
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping
from io import TextIOWrapper
from typing import Final

from namesrv.errors import StartFailed
from namesrv.options import Options
from namesrv.routing.outbox import AuditEvent
from namesrv.server.logs import (
    EventLog,
    FileHandler,
    JsonFormatter,
    RateLimit,
    event_record,
)

FILE_MODE: Final = 0o600
MOST_WAITING_BYTES: Final = 16 << 20
"""Lines that a disk may be behind; more are lost, and counted."""
TELL_SECONDS: Final = 1.0


class AuditFile(FileHandler):
    """Appends to the audit file; `reason` says why the last line could not be."""

    what = "the audit log"
    reason = ""
    _is_abandoned = False

    def abandon(self) -> None:
        """The disk hangs, and the thread with it, which holds the lock: the end of the
        process (`logging.shutdown`) must not wait for them."""
        self._is_abandoned = True

    def acquire(self) -> None:
        """Wait for whoever writes, unless that has no end."""
        if not self._is_abandoned:
            super().acquire()

    def release(self) -> None:
        """Let the next one write."""
        if not self._is_abandoned:
            super().release()

    def flush(self) -> None:
        """Hand the last line to the system."""
        if not self._is_abandoned:
            super().flush()

    def close(self) -> None:
        """Close the file, unless it hangs."""
        if not self._is_abandoned:
            super().close()

    def handleError(self, record: logging.LogRecord) -> None:
        """Count the line as lost, and keep the reason."""
        error = sys.exc_info()[1]
        self.reason = getattr(error, "strerror", None) or str(error)
        super().handleError(record)

    def _open(self) -> TextIOWrapper:
        # The handler's own way of opening has no mode; what is there keeps its mode.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        os.close(os.open(self.baseFilename, flags, FILE_MODE))
        return super()._open()


class AuditLog:
    """One server's audit log; `open` begins it. `monotonic` gives seconds."""

    def __init__(
        self,
        options: Options,
        log: EventLog,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._log = log
        self._monotonic = monotonic
        self._limit = RateLimit(monotonic)
        self._formatter = JsonFormatter()
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting_bytes = 0
        self._dropped = 0
        self._next_tell = monotonic()
        self._thread: threading.Thread | None = None
        self._file: AuditFile

    def open(self) -> None:
        """Open the file, if there is to be one. Raises StartFailed."""
        options = self._options
        if not options.audit_log:
            return
        path = os.path.abspath(options.audit_log)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self._file = AuditFile(
                path,
                maxBytes=options.log_file_max_bytes,
                backupCount=options.log_file_backups,
                encoding="utf-8",
            )
        except OSError as error:
            raise StartFailed(
                f"cannot open the audit log {path}: {error.strerror};"
                " choose another one with --audit-log"
            ) from None
        # A daemon, because a disk that hangs must not keep the process alive.
        self._thread = threading.Thread(
            target=self._work, name="namesrv-audit", daemon=True
        )
        self._thread.start()

    def put(self, event: AuditEvent) -> None:
        """Have a line written, unless peers cause too many that changed nothing."""
        if event.is_done:
            self._put(logging.INFO, event.event, event.fields)
            return
        suppressed = self._limit.admit(event.event)
        if suppressed is not None:
            more = {"suppressed": suppressed} if suppressed else {}
            self._put(logging.WARNING, event.event, {**event.fields, **more})

    def report_suppressed(self) -> None:
        """Write how many lines were held back of each request that has become quiet."""
        for event, suppressed in self._limit.take_quiet():
            fields = {"of": event, "suppressed": suppressed}
            self._put(logging.INFO, "lines were suppressed", fields)

    async def close(self, seconds: float) -> None:
        """Write what waits, and end; a disk that hangs gets so many seconds."""
        if self._thread is None:
            return
        self._lines.put(None)
        await asyncio.to_thread(self._thread.join, seconds)
        if self._thread.is_alive():
            self._file.abandon()
        self._file.close()
        self._thread = None

    def _put(self, level: int, event: str, fields: Mapping[str, object]) -> None:
        line = self._formatter.format(event_record(level, event, fields))
        with self._lock:
            if self._waiting_bytes + len(line) > MOST_WAITING_BYTES:
                self._dropped += 1
                return
            self._waiting_bytes += len(line)
        self._lines.put(line)

    def _work(self) -> None:
        """The thread: lines, and a line about those that are missing."""
        for line in iter(self._lines.get, None):
            missing = self._file.lost
            self._write(line)
            with self._lock:
                self._waiting_bytes -= len(line)
                dropped, self._dropped = self._dropped, 0
            if dropped:
                self._tell("the audit log is too slow, lines are lost", lines=dropped)
            missing = dropped + (0 if self._file.lost else missing)
            if missing:
                event = event_record(
                    logging.ERROR, "lines are missing", {"lines": missing}
                )
                self._write(self._formatter.format(event))

    def _write(self, line: str) -> None:
        lost = self._file.lost
        record = logging.LogRecord("namesrv", logging.INFO, "", 0, line, None, None)
        self._file.handle(record)
        if self._file.lost > lost:
            reason, lines = self._file.reason, self._file.lost
            self._tell("the audit log cannot be written", reason=reason, lines=lines)

    def _tell(self, event: str, **fields: object) -> None:
        now = self._monotonic()
        if now >= self._next_tell:
            self._next_tell = now + TELL_SECONDS
            fields = {"file": self._file.baseFilename, **fields}
            self._log.log_event(logging.ERROR, event, fields)

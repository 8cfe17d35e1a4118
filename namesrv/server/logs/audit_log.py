"""The audit log (`auditLog`): changes and their senders, one JSON object a line.

Lines are made on the loop and written by a thread. If the file cannot be written, lines
are dropped and counted in the file, and the failure is logged at most once a second;
the server goes on. The file is rotated like the log file (`logFileMaxBytes`,
`logFileBackups`).
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import Final

from namesrv.errors import StartFailed
from namesrv.options import Options
from namesrv.routing.outbox import AuditEvent
from namesrv.server.logs.events import EventLog, with_suppressed
from namesrv.server.logs.formats import JsonFormatter, event_record
from namesrv.server.logs.line_file import LineFile
from namesrv.server.logs.line_writer import LineWriter, Outlet
from namesrv.server.logs.rate_limit import RateLimit

FILE_MODE: Final = 0o600
MOST_WAITING_BYTES: Final = 16 << 20
"""Bytes of lines that wait for the disk; more lines are dropped and counted."""


class AuditLog:
    """One server's audit log; `open` begins it. `monotonic` returns seconds."""

    def __init__(
        self,
        options: Options,
        log: EventLog,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._log = log
        self._limit = RateLimit(monotonic)
        self._formatter = JsonFormatter()
        self._file: LineFile | None = None
        self._writer: LineWriter | None = None

    @property
    def lost_lines(self) -> int:
        """Lines that could not be written."""
        return 0 if self._writer is None else self._writer.lost_in_all

    def open(self) -> None:
        """Open the file, if `auditLog` names one. Raises StartFailed."""
        options = self._options
        if not options.audit_log:
            return
        path = os.path.abspath(options.audit_log)
        file = LineFile(
            path, FILE_MODE, options.log_file_max_bytes, options.log_file_backups
        )
        try:
            file.open()
        except OSError as error:
            raise StartFailed(
                f"cannot open the audit log {path}: {error.strerror};"
                " choose another one with --audit-log"
            ) from None
        self._file = file
        self.write_to(file)

    def write_to(self, outlet: Outlet) -> None:
        """Write lines to `outlet` from now on."""
        self._writer = LineWriter(
            "namesrv-audit",
            outlet,
            self._missing_line,
            most_waiting_bytes=MOST_WAITING_BYTES,
            on_failure=self._report_failure,
        )

    def put(self, event: AuditEvent) -> None:
        """Queue a line. Refusals have a rate; changes are always written."""
        if event.is_done:
            self._put(logging.INFO, event.event, event.fields)
            return
        suppressed = self._limit.admit(event.event)
        if suppressed is not None:
            fields = with_suppressed(event.fields, suppressed)
            self._put(logging.WARNING, event.event, fields)

    def report_suppressed(self) -> None:
        """Write the number of dropped lines of each request that has become quiet."""
        for event, suppressed in self._limit.take_quiet():
            fields = {"of": event, "suppressed": suppressed}
            self._put(logging.INFO, "log lines were suppressed", fields)

    def reopen_file(self) -> None:
        """Reopen the file if its name is gone or belongs to another file."""
        if self._file is not None and self._writer is not None:
            self._file.check_soon()
            self._writer.put("")

    def wait(self, seconds: float) -> bool:
        """Wait until all lines are written; False if that takes longer."""
        return self._writer is None or self._writer.flush(seconds)

    async def close(self, seconds: float) -> None:
        """Write the queued lines and end; a disk that hangs gets `seconds`."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            await asyncio.to_thread(writer.close, seconds)

    def _put(self, level: int, event: str, fields: Mapping[str, object]) -> None:
        writer = self._writer
        if writer is not None and not writer.put(self._line(level, event, fields)):
            event = "audit log lines dropped, the disk is too slow"
            self._report(event, lines=writer.dropped)

    def _line(self, level: int, event: str, fields: Mapping[str, object]) -> str:
        return self._formatter.format(event_record(level, event, fields)) + "\n"

    def _missing_line(self, lost: int) -> str:
        return self._line(logging.ERROR, "audit log lines are missing", {"lines": lost})

    def _report_failure(self, reason: str, lost: int) -> None:
        self._report("cannot write the audit log", reason=reason, lines=lost)

    def _report(self, event: str, **fields: object) -> None:
        fields = {"file": self._options.audit_log, **fields}
        self._log.log_damped(logging.ERROR, event, fields)

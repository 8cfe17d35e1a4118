"""The outputs of the log: a file or standard error, written by threads."""

import logging
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Final

from namesrv.errors import StartFailed
from namesrv.options import Options
from namesrv.server.logs.events import LOGGER
from namesrv.server.logs.formats import (
    LEVELS,
    JsonFormatter,
    TextFormatter,
    event_record,
)
from namesrv.server.logs.line_file import LineFile
from namesrv.server.logs.line_writer import LineWriter, Outlet, close_all
from namesrv.server.logs.rate_limit import RateLimit
from namesrv.server.logs.standard_stream import StandardStream

END_SECONDS: Final = 0.6
"""Limit of the wait for a slow reader of the log at the end."""
_ORDER_SECONDS: Final = 0.5
"""Limit of the wait of a line for an earlier line of another output."""
_FILE_MODE: Final = 0o666


class LogOutput(logging.Handler):
    """The output of log lines of namesrv and asyncio, and of other lines for people.

    Threads write the lines, so that a reader that stops reading cannot stop the server.
    Lines of one output keep their order.
    """

    def __init__(self, options: Options) -> None:
        """Raises StartFailed when the log file cannot be opened."""
        super().__init__()
        self.setFormatter(
            JsonFormatter() if options.log_format == "json" else TextFormatter()
        )
        self._file = _open_log_file(options) if options.log_file else None
        self._stdout = self._writer("namesrv-stdout", StandardStream(sys.stdout))
        self._stderr = self._writer("namesrv-stderr", StandardStream(sys.stderr))
        self._log = self._stderr
        if self._file is not None:
            self._log = self._writer("namesrv-log", self._file)

    @property
    def has_file(self) -> bool:
        """Whether the log goes to a file, and not to standard error."""
        return self._file is not None

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the line of a record."""
        try:
            self._log.put(self.format(record) + "\n")
        except Exception as error:
            about = event_record(
                logging.ERROR,
                "a log line could not be formatted",
                {"error": repr(error)},
            )
            self._log.put(self.format(about) + "\n")

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Queue a line for standard output, or for standard error.

        A line on standard output is written after all earlier log lines and before all
        later ones; each waits at most half a second for the other.
        """
        if is_error:
            self._stderr.put(text + "\n")
            return
        is_due, is_written = threading.Event(), threading.Event()
        self._log.then(is_due.set)
        self._log.then(partial(is_written.wait, _ORDER_SECONDS))
        self._stdout.then(partial(is_due.wait, _ORDER_SECONDS))
        self._stdout.put(text + "\n")
        self._stdout.then(is_written.set)

    @property
    def lost_lines(self) -> dict[str, int]:
        """Lines that could not be written, by outlet."""
        writers = {"stdout": self._stdout, "stderr": self._stderr}
        if self._file is not None:
            writers["file"] = self._log
        return {outlet: writer.lost_in_all for outlet, writer in writers.items()}

    def reopen_file(self) -> None:
        """Reopen the file if its name is gone or belongs to another file."""
        if self._file is not None:
            self._file.check_soon()
            self._log.put("")

    def wait(self, seconds: float) -> bool:
        """Wait until all lines are written; False if that takes longer."""
        return all(writer.flush(seconds) for writer in self._writers())

    def close(self) -> None:
        """Write the queued lines within `END_SECONDS`, and end."""
        close_all(self._writers(), END_SECONDS)
        super().close()

    def _writers(self) -> list[LineWriter]:
        return [self._stdout, self._stderr, self._log]

    def _writer(self, name: str, outlet: Outlet) -> LineWriter:
        return LineWriter(name, outlet, self._missing_line)

    def _missing_line(self, lost: int) -> str:
        event = "log lines were lost, the log could not be written"
        record = event_record(logging.WARNING, event, {"lines": lost})
        return self.format(record) + "\n"


class _LoopLimit(logging.Filter):
    """The rate of asyncio's own lines, some of which peers cause by closing."""

    def __init__(self) -> None:
        super().__init__()
        self._limit = RateLimit()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write the line; it has the number of lines dropped before it."""
        suppressed = self._limit.admit("asyncio")
        if suppressed:
            record.fields = {"suppressed": suppressed}
        return suppressed is not None


def set_up_logging(options: Options) -> LogOutput:
    """Send the log lines of namesrv and asyncio to the output that `options` choose.

    The caller closes the returned output at the end. Raises `StartFailed` if the log
    file cannot be opened.
    """
    output = LogOutput(options)
    loop_logger = logging.getLogger("asyncio")
    for logger in (LOGGER, loop_logger):
        for old in logger.handlers[:]:
            logger.removeHandler(old)
            old.close()
        logger.addHandler(output)
        logger.propagate = False
    for limit in [f for f in loop_logger.filters if isinstance(f, _LoopLimit)]:
        loop_logger.removeFilter(limit)
    loop_logger.addFilter(_LoopLimit())
    set_log_level(options)
    return output


def set_log_level(options: Options) -> None:
    """Set the level of the log to `logLevel`."""
    for logger in (LOGGER, logging.getLogger("asyncio")):
        logger.setLevel(LEVELS[options.log_level])


def reopen_log_file() -> None:
    """Reopen the log file if its name is gone or belongs to another file."""
    for output in _outputs():
        output.reopen_file()


def lost_log_lines() -> dict[str, int]:
    """Lines of the log that could not be written, by outlet: stdout, stderr, file."""
    lost: Counter[str] = Counter()
    for output in _outputs():
        lost.update(output.lost_lines)
    return lost


def _outputs() -> Iterator[LogOutput]:
    for handler in LOGGER.handlers:
        if isinstance(handler, LogOutput):
            yield handler


def _open_log_file(options: Options) -> LineFile:
    path = os.path.abspath(options.log_file)
    file = LineFile(
        path, _FILE_MODE, options.log_file_max_bytes, options.log_file_backups
    )
    try:
        file.open()
    except OSError as error:
        raise StartFailed(
            f"cannot open the log file {path}: {error.strerror};"
            " choose another one with --log-file, or none to log to standard error"
        ) from None
    return file

"""Where the lines of the log go: the log file or standard error, written by threads."""

import logging
import os
import sys
import threading
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
"""How long the end waits for whoever reads the log."""
_ORDER_SECONDS: Final = 0.5
"""How long a line waits for one that was said before it, elsewhere."""
_FILE_MODE: Final = 0o666


class LogOutput(logging.Handler):
    """Where the lines of namesrv and of asyncio go, and what else the process says.

    They are written by a thread, so that nobody who does not read them stops the
    server. Lines of one place keep their order.
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
        """Whether the log is not what people see who started the server."""
        return self._file is not None

    def emit(self, record: logging.LogRecord) -> None:
        """Have the line written."""
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
        """Have a line written to standard output, or to standard error.

        It stands behind all that was logged before and before all that is logged later,
        if nobody keeps us waiting for long.
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

    def look_after_file(self) -> None:
        """Open the file anew if its name is gone or belongs to another file."""
        if self._file is not None:
            self._file.look_soon()
            self._log.put("")

    def wait(self, seconds: float) -> bool:
        """Wait until all lines are written; False if that takes longer."""
        return all(writer.flush(seconds) for writer in self._writers())

    def close(self) -> None:
        """Write what waits, unless that takes too long, and end."""
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
    """Lines of asyncio's own have a rate, too: a peer that leaves causes some."""

    def __init__(self) -> None:
        super().__init__()
        self._limit = RateLimit()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written; it has the number of those before it."""
        suppressed = self._limit.admit("asyncio")
        if suppressed:
            record.fields = {"suppressed": suppressed}
        return suppressed is not None


def set_up_logging(options: Options) -> LogOutput:
    """Send the lines of namesrv and of asyncio where `options` say.

    The one that is returned is to be closed at the end. Raises `StartFailed` when the
    log file cannot be opened.
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
    """From now on lines of `logLevel` and above are written."""
    for logger in (LOGGER, logging.getLogger("asyncio")):
        logger.setLevel(LEVELS[options.log_level])


def look_after_log_file() -> None:
    """Open the log file anew if its name is gone or belongs to another file."""
    for handler in LOGGER.handlers:
        if isinstance(handler, LogOutput):
            handler.look_after_file()


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

"""Logging: events with fields, as text for people or as JSON, to stderr or to a file.

An event is a short English phrase of ours; what peers send goes into its fields only,
escaped and cut, and what peers cause is limited per event. What goes wrong with the
log itself, such as a full disk, reaches nobody. Events: protocol.md section 4.8.
"""

import contextlib
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from typing import Final, TextIO

from namesrv.errors import StartFailed
from namesrv.options import Options

LOGGER: Final = logging.getLogger("namesrv")

LONGEST_VALUE: Final = 512
"""Characters of a field that are logged."""
BURST: Final = 20
"""Lines of one event that peers may cause at once ..."""
LINES_PER_SECOND: Final = 5
"""... and how fast they may cause more."""

_LEVELS: Final = {
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
}
_NAMES: Final = {level: name for name, level in _LEVELS.items()}


class _Allowance:
    """A token bucket: what is left for one event, since when, and what it cost."""

    __slots__ = ("left", "since", "suppressed")

    def __init__(self, now: float) -> None:
        self.left: float = BURST
        self.since = now
        self.suppressed = 0

    def refill(self, now: float) -> None:
        self.left = min(BURST, self.left + (now - self.since) * LINES_PER_SECOND)
        self.since = now


class RateLimit:
    """Holds back lines that peers cause too often; each event has its own allowance."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._allowances: dict[str, _Allowance] = {}

    def admit(self, event: str) -> int | None:
        """None for a line to be held back, else how many were before it."""
        now = self._monotonic()
        allowance = self._allowances.get(event)
        if allowance is None:
            allowance = self._allowances[event] = _Allowance(now)
        allowance.refill(now)
        if allowance.left < 1:
            allowance.suppressed += 1
            return None
        allowance.left -= 1
        suppressed, allowance.suppressed = allowance.suppressed, 0
        return suppressed

    def take_quiet(self) -> Iterator[tuple[str, int]]:
        """Events that have become quiet, and how many lines of each were held back."""
        now = self._monotonic()
        for event, allowance in self._allowances.items():
            allowance.refill(now)
            if allowance.suppressed and allowance.left >= BURST:
                yield event, allowance.suppressed
                allowance.suppressed = 0


class EventLog:
    """Writes events to the logger "namesrv"; `monotonic` gives seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit = RateLimit(monotonic)

    def log_event(
        self,
        level: int,
        event: str,
        fields: Mapping[str, object],
        *,
        peer_caused: bool = False,
    ) -> None:
        """Log `event` with `fields`, unless `level` is off or peers cause it too often.

        The first line that gets through after some were held back has their number.
        """
        if not LOGGER.isEnabledFor(level):
            return
        if peer_caused:
            suppressed = self._limit.admit(event)
            if suppressed is None:
                return
            if suppressed:
                fields = {**fields, "suppressed": suppressed}
        _write(level, event, fields)

    def report_suppressed(self) -> None:
        """Log how many lines were held back of each event that has become quiet.

        To be called now and then, so that the last lines of a flood are counted too.
        """
        for event, suppressed in self._limit.take_quiet():
            fields = {"of": event, "suppressed": suppressed}
            _write(logging.INFO, "lines were suppressed", fields)


def _write(level: int, event: str, fields: Mapping[str, object]) -> None:
    if LOGGER.isEnabledFor(level):
        LOGGER.handle(event_record(level, event, fields))


def event_record(
    level: int, event: str, fields: Mapping[str, object]
) -> logging.LogRecord:
    """What the formatters here make a line of."""
    record = logging.LogRecord("namesrv", level, "", 0, event, None, None)
    record.fields = fields
    return record


class TextFormatter(logging.Formatter):
    """One line for a person: time, level, event, key=value ..."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; a traceback (never a peer's doing) follows in lines of its own."""
        when = _time(record).isoformat(" ", "milliseconds")
        level = _NAMES.get(record.levelno, record.levelname)
        parts = [when, f"{level:5}", escaped(_event(record))]
        for key, value in _fields(record).items():
            parts.append(f"{key}={_quoted(_text(value))}")
        lines = [" ".join(parts)]
        for line in _traceback(self, record):
            lines.append(f"    | {escaped(line)}")
        return "\n".join(lines)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, event, and the fields as members."""

    def format(self, record: logging.LogRecord) -> str:
        """The object, in ASCII and without any raw control character."""
        members: dict[str, object] = {
            "time": _time(record).isoformat("T", "milliseconds"),
            "level": _NAMES.get(record.levelno, record.levelname),
            "event": _encodable(_event(record)),
        }
        for key, value in _fields(record).items():
            while key in members:
                key += "_"
            plain = value is None or isinstance(value, bool | int)
            members[key] = value if plain else _encodable(_text(value))
        if record.exc_info:
            trace = _traceback(self, record)
            members["traceback"] = [_encodable(line) for line in trace]
        return json.dumps(members).replace("\x7f", "\\u007f")


class _Forgiving(logging.Handler):
    """What all handlers share: a log that fails costs lines, and they are counted."""

    lost = 0
    what = "the log"

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line; after a failure that is over, say how many were lost."""
        lost_before = self.lost
        super().emit(record)
        if lost_before and self.lost == lost_before:
            self.lost = 0
            fields = {"lines": lost_before}
            event = f"{self.what} could not be written for a while"
            _write(logging.WARNING, event, fields)

    def handleError(self, record: logging.LogRecord) -> None:
        """Count the line as lost; `emit` calls this in an `except` clause."""
        self.lost += 1


class StderrHandler(_Forgiving, logging.StreamHandler[TextIO]):
    """Writes to standard error."""


class FileHandler(_Forgiving, RotatingFileHandler):
    """Appends to a file, and begins a new one when it has reached its size."""

    def shouldRollover(self, record: logging.LogRecord) -> bool:
        """Whether the file has reached its size; what cannot seek never does."""
        if self.stream is None:
            self.stream = self._open()
        return self.stream.seekable() and self.stream.tell() >= self.maxBytes

    def doRollover(self) -> None:
        """Begin a new file, or go on with the old one when that is impossible."""
        with contextlib.suppress(OSError):
            super().doRollover()

    def handleError(self, record: logging.LogRecord) -> None:
        """Count the line as lost, and open the file anew for the next one."""
        super().handleError(record)
        if self.stream is not None:
            with contextlib.suppress(OSError, ValueError):
                self.stream.close()
            self.stream = None

    def _open(self) -> TextIOWrapper:
        stream = super()._open()
        if self.lost:
            # A line may have been cut in the middle by the failure.
            stream.write("\n")
        return stream


def set_up_logging(options: Options) -> None:
    """Send the lines of namesrv and of asyncio where `options` say.

    Raises `StartFailed` when the log file cannot be opened.
    """
    handler: logging.Handler
    if options.log_file:
        handler = _open_log_file(options)
    else:
        handler = StderrHandler(sys.stderr)
    as_json = options.log_format == "json"
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    for logger in (LOGGER, logging.getLogger("asyncio")):
        for old in logger.handlers[:]:
            logger.removeHandler(old)
            old.close()
        logger.addHandler(handler)
        logger.propagate = False
    set_log_level(options)


def set_log_level(options: Options) -> None:
    """From now on lines of `logLevel` and above are written."""
    for logger in (LOGGER, logging.getLogger("asyncio")):
        logger.setLevel(_LEVELS[options.log_level])


def _open_log_file(options: Options) -> FileHandler:
    path = os.path.abspath(options.log_file)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return FileHandler(
            path,
            maxBytes=options.log_file_max_bytes,
            backupCount=options.log_file_backups,
            encoding="utf-8",
            errors="backslashreplace",
        )
    except OSError as error:
        raise StartFailed(
            f"cannot open the log file {path}: {error.strerror};"
            " choose another one with --log-file, or none to log to standard error"
        ) from None


def escaped(text: str) -> str:
    """`text` with \\n, \\x1b, \\u202e for all characters that are not printable.

    A backslash is doubled, so that what stands there is what was sent.
    """
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(
        char
        if char.isprintable() and char != "\\"
        else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def _cut(text: str) -> str:
    over = len(text) - LONGEST_VALUE
    return text if over <= 0 else f"{text[:LONGEST_VALUE]}...({over} more)"


def _text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return _cut(value.decode("ascii", "backslashreplace"))
    if isinstance(value, list | tuple):
        return _cut(",".join(map(str, value)))
    return _cut(str(value))


def _quoted(text: str) -> str:
    word = escaped(text)
    if word and not set(word) & set(' "='):
        return word
    return '"' + word.replace('"', '\\"') + '"'


def _encodable(text: str) -> str:
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def _event(record: logging.LogRecord) -> str:
    return _cut(record.getMessage())


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    fields: Mapping[str, object] = getattr(record, "fields", {})
    return fields


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created).astimezone()


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    if not record.exc_info:
        return []
    return [
        _cut(line) for line in formatter.formatException(record.exc_info).split("\n")
    ]

"""The two formats of a log line: text for people, and a JSON object.

Texts of peers are in fields only, escaped and cut.
"""

import json
import logging
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

LEVELS: Final = {
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
}
"""Levels by the names that options use."""
LONGEST_VALUE: Final = 512
"""Longest value of a field in characters; longer ones are cut."""

_NAMES: Final = {level: name for name, level in LEVELS.items()}
_WORDS: Final[dict[object, str]] = {None: "-", True: "true", False: "false"}


def event_record(
    level: int, event: str, fields: Mapping[str, object]
) -> logging.LogRecord:
    """A log record for the formatters of this module."""
    record = logging.LogRecord("namesrv", level, "", 0, event, None, None)
    record.fields = fields
    return record


class TextFormatter(logging.Formatter):
    """One line for a person: time, level, event, key=value ..."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; a traceback, which no peer can cause, follows in its own lines."""
        when = _time(record).isoformat(" ", "milliseconds")
        level = _NAMES.get(record.levelno, record.levelname)
        parts = [when, f"{level:5}", escaped(_event(record))]
        for key, value in _fields(record).items():
            parts.append(f"{key}={_word(value)}")
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


def escaped(text: str) -> str:
    """`text` with \\n, \\x1b, \\u202e for all characters that are not printable.

    A backslash is doubled, so that the original text can be recovered.
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


def _word(value: object) -> str:
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    return _quoted(_text(value))


def _quoted(text: str) -> str:
    word = escaped(text)
    if word and word != "-" and not set(word) & set(' "='):
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

"""The Java .properties format, both ways.

Source: `java.util.Properties#load` and `#store`; protocol.md sections 4.2 and 4.3.
A file is ISO-8859-1; a request's body is UTF-8, which callers decode.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from namesrv.errors import PropertiesInvalid
from namesrv.wire.java_json.surrogates import join_surrogates

_BLANKS: Final = " \t\f"
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_ESCAPE_OR_SEPARATOR: Final = re.compile(r"\\.|[=: \t\f]", re.DOTALL)
_SEPARATOR: Final = re.compile(r"[ \t\f]*[=:]?[ \t\f]*")
_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPED: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_TO_ESCAPE: Final = re.compile(r"[^ -~]|[\\=:#!]")
_ESCAPES: Final = {
    **{char: "\\" + char for char in "\\=:#!"},
    **{char: "\\" + letter for letter, char in _ESCAPED.items()},
}


_UTF_8_MARK: Final = b"\xef\xbb\xbf"
_UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


class Property(NamedTuple):
    """One entry; `line` is the number, from 1, of the line on which it begins."""

    key: str
    value: str
    line: int


def properties_text(data: bytes) -> str:
    """Decode a file; a byte-order mark of UTF-8, which editors write, is dropped.

    Raises PropertiesInvalid for UTF-16 and NUL bytes, which would make every key
    unknown. (Java reads them as characters.)
    """
    if data.startswith(_UTF_16_MARKS):
        raise PropertiesInvalid(
            "it is UTF-16; write the file as ASCII or ISO-8859-1", 1
        )
    nul = data.find(b"\0")
    if nul >= 0:
        line = len(_LINE_END.split(data[:nul].decode("latin-1")))
        raise PropertiesInvalid(
            "it has a NUL byte, so it is damaged or UTF-16; write the file as ASCII or"
            " ISO-8859-1",
            line,
        )
    return data.removeprefix(_UTF_8_MARK).decode("latin-1")


def read_properties(text: str) -> list[Property]:
    """All entries of a .properties text in order, including repeated keys.

    A missing value is "". Blanks after a value belong to it.
    Raises PropertiesInvalid for a `\\u` without four hexadecimal digits.
    """
    return [_property(entry, line) for entry, line in _entries(text)]


def write_properties(items: Iterable[tuple[str, str]]) -> str:
    """ASCII text for `Properties#load`, one `key=value` line per item."""
    lines = []
    for key, value in items:
        escaped_value = _escaped(value)
        # Java counts a blank at the start of a value as part of the separator.
        if escaped_value.startswith(" "):
            escaped_value = "\\" + escaped_value
        lines.append(_escaped(key).replace(" ", "\\ ") + "=" + escaped_value + "\n")
    return "".join(lines)


def _entries(text: str) -> Iterator[tuple[str, int]]:
    """Entries with their continuation lines joined, and their first lines."""
    pieces: list[str] = []
    first_line = 0
    for number, raw_line in enumerate(_LINE_END.split(text), start=1):
        line = raw_line.lstrip(_BLANKS)
        if not pieces:
            if not line or line[0] in "#!":
                continue
            first_line = number
        is_continued = (len(line) - len(line.rstrip("\\"))) % 2 == 1
        if is_continued:
            line = line[:-1]
        if line:
            pieces.append(line)
        if not is_continued:
            yield "".join(pieces), first_line
            pieces = []
    if pieces:
        yield "".join(pieces), first_line


def _property(entry: str, line: int) -> Property:
    key_end = len(entry)
    for match in _ESCAPE_OR_SEPARATOR.finditer(entry):
        if match[0][0] != "\\":
            key_end = match.start()
            break
    separator = _SEPARATOR.match(entry, key_end)
    value_start = separator.end() if separator else key_end
    key = _unescaped(entry[:key_end], line)
    return Property(key, _unescaped(entry[value_start:], line), line)


def _unescaped(text: str, line: int) -> str:
    if "\\" not in text:
        return text

    def replacement(match: re.Match[str]) -> str:
        escape = match[1]
        if len(escape) > 1:
            return chr(int(escape[1:], 16))
        if escape == "u":
            raise PropertiesInvalid("\\u needs four hexadecimal digits", line)
        return _ESCAPED.get(escape, escape)

    return join_surrogates(_ESCAPE.sub(replacement, text))


def _escaped(text: str) -> str:
    return _TO_ESCAPE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if char in _ESCAPES:
        return _ESCAPES[char]
    units = char.encode("utf-16-be", "surrogatepass").hex().upper()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))

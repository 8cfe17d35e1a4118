"""The lenient JSON reader: it reads all that the standard library's reader refuses.

Source: protocol.md section 1.4 with the corrections. `read` is its entrance.
"""

import re
from typing import Final, NoReturn, TypeAlias

from namesrv.errors import JsonInvalid
from namesrv.wire.java_json.surrogates import join_surrogates
from namesrv.wire.java_json.values import NUMBERS, JsonValue, Number
from namesrv.work import STEP_UNITS, Cost, Steps, finish, kilobytes

MAX_DEPTH: Final = 256


Container: TypeAlias = list[JsonValue] | dict[str, JsonValue]

_BLANK: Final = " \t\n\r\f\b"
_END: Final = "\0"
_BLANK_OR_COMMENT: Final = _BLANK + "/"
# Blanks and closed comments. The pattern is possessive: a text may be all comments.
_BLANKS: Final = re.compile(r"(?:[ \t\n\r\f\x08]++|//[^\n]*+(?=\n)|/\*[\s\S]*?\*/)*+")
_STEP_CHARS: Final = (STEP_UNITS << 10) // Cost.LENIENT_KILOBYTE
# Shortcuts for the most frequent forms; methods that read every form follow where they
# do not match. No text matches in two ways.
_SCALAR: Final = re.compile(
    r'"([^"\\]*)"'
    r"|([+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)L?"
    r"|(true|false|null)"
)
_NEXT_MEMBER: Final = re.compile(
    r'[ \t\n\r\f\x08]*,[ \t\n\r\f\x08]*"([^"\\]*)"[ \t\n\r\f\x08]*:[ \t\n\r\f\x08]*'
    r"(?=[^/ \t\n\r\f\x08])"
)
_NEXT_ELEMENT: Final = re.compile(r'[ \t\n\r\f\x08]*,[ \t\n\r\f\x08]*(?=["0-9{\[])')
# Java writes a set as Set[...], and both versions read it.
_OPENING: Final = re.compile(r"\{|\[|Set\[")
_BARE_NAME: Final = re.compile(r"(-?[0-9]+)L?")
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}
_STRINGS: Final = {
    '"': re.compile(r'(?:[^"\\]++|\\.)*+"', re.DOTALL),
    "'": re.compile(r"(?:[^'\\]++|\\.)*+'", re.DOTALL),
}
_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_ESCAPED: Final = {
    **{char: char for char in "\"'\\/"},
    **{"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"},
    **{str(code): chr(code) for code in range(8)},
}


class LenientReader:
    """Reads one text once, from left to right, with a stack instead of recursion."""

    __slots__ = ("_at", "_longest_escaped", "_open", "_text")

    def __init__(self, text: str, longest_escaped: int | None = None) -> None:
        """Strings with escapes and more than `longest_escaped` characters are refused,
        because they are read in one step."""
        # The end mark saves a check of the length before every character.
        self._text = text.rstrip(_BLANK + _END) + _END
        self._at = 0
        self._longest_escaped = longest_escaped
        self._open: list[Container] = []

    def read(self) -> JsonValue:
        """The value. Raises JsonInvalid."""
        return finish(self.read_steps())

    def read_steps(self) -> Steps[JsonValue]:
        """As `read`, in steps. Raises JsonInvalid."""
        stepped_at = 0
        self._skip_blanks()
        if self._at == len(self._text) - 1:
            return None
        document: list[JsonValue] = []
        self._open.append(document)
        name: str | None = ""
        while name is not None:
            value = self._value()
            holder = self._open[-1]
            if isinstance(holder, dict):
                holder[name] = value
            else:
                holder.append(value)
            just_opened = False
            if isinstance(value, dict) or isinstance(value, list):
                self._open.append(value)
                just_opened = True
            name = self._next_name(just_opened)
            if self._at - stepped_at >= _STEP_CHARS:
                yield kilobytes(self._at - stepped_at, Cost.LENIENT_KILOBYTE)
                stepped_at = self._at
        return document[0]

    def _next_name(self, just_opened: bool) -> str | None:
        """Go to the next value; its name ("" in an array), or None after the last.

        `just_opened` means that the innermost container has no values yet.
        """
        if not just_opened and len(self._open) > 1:
            is_object = isinstance(self._open[-1], dict)
            shortcut = _NEXT_MEMBER if is_object else _NEXT_ELEMENT
            if match := shortcut.match(self._text, self._at):
                self._at = match.end()
                return match[1] if is_object else ""
        return self._next_name_anywhere(just_opened)

    def _next_name_anywhere(self, just_opened: bool) -> str | None:
        while len(self._open) > 1:
            is_object = isinstance(self._open[-1], dict)
            closer = "}" if is_object else "]"
            self._skip_blanks()
            if not just_opened and self._text[self._at] != closer:
                self._expect(",", f"expected ',' or '{closer}'")
                self._skip_blanks()
            if self._text[self._at] != closer:
                return self._name() if is_object else ""
            self._at += 1
            self._open.pop()
            just_opened = False
        self._skip_blanks()
        if self._at != len(self._text) - 1:
            self._fail("unexpected text after the value")
        return None

    def _name(self) -> str:
        char = self._text[self._at]
        name: str
        if char == '"' or char == "'":
            name = self._string(char)
        elif match := _BARE_NAME.match(self._text, self._at):
            self._at = match.end()
            name = Number(match[1])
        else:
            self._fail("expected a name in quotes")
        self._skip_blanks()
        self._expect(":", "expected ':'")
        self._skip_blanks()
        return name

    def _value(self) -> JsonValue:
        match = _SCALAR.match(self._text, self._at)
        if match is None:
            char = self._text[self._at]
            is_string = char == '"' or char == "'"
            return self._string(char) if is_string else self._opened_container()
        self._at = match.end()
        if match.lastindex == 1:
            return match[1]
        return NUMBERS[match[2]] if match.lastindex == 2 else _WORDS[match[3]]

    def _opened_container(self) -> Container:
        opening = _OPENING.match(self._text, self._at)
        if opening is None:
            self._fail("expected a value")
        if len(self._open) > MAX_DEPTH:
            self._fail(f"nesting is deeper than {MAX_DEPTH}")
        self._at = opening.end()
        return {} if opening[0] == "{" else []

    def _string(self, quote: str) -> str:
        start = self._at + 1
        end = self._string_end(start, quote)
        body = self._text[start:end]
        if "\\" in body:
            longest = self._longest_escaped
            if longest is not None and len(body) > longest:
                self._fail(f"a string with escapes has over {longest} characters")
            body = self._unescaped(body, start)
        self._at = end + 1
        return body

    def _string_end(self, start: int, quote: str) -> int:
        end = _STRINGS[quote].match(self._text, start)
        if end is None:
            self._fail("string is not closed")
        return end.end() - 1

    def _unescaped(self, body: str, start: int) -> str:
        def replacement(match: re.Match[str]) -> str:
            escape = match[1]
            if len(escape) > 1:
                return chr(int(escape[1:], 16))
            if escape not in _ESCAPED:
                raise JsonInvalid("unknown escape", start + match.start())
            return _ESCAPED[escape]

        return join_surrogates(_ESCAPE.sub(replacement, body))

    def _skip_blanks(self) -> None:
        while self._text[self._at] in _BLANK_OR_COMMENT:
            start = self._at
            if match := _BLANKS.match(self._text, start):
                self._at = match.end()
            if self._at == start:
                self._skip_comment()

    def _skip_comment(self) -> None:
        if self._text.startswith("//", self._at):
            end = self._text.find("\n", self._at)
            self._at = len(self._text) - 1 if end < 0 else end
        elif self._text.startswith("/*", self._at):
            end = self._text.find("*/", self._at + 2)
            if end < 0:
                self._fail("comment is not closed")
            self._at = end + 2
        else:
            self._fail("expected a comment after '/'")

    def _expect(self, char: str, reason: str) -> None:
        if self._text[self._at] != char:
            self._fail(reason)
        self._at += 1

    def _fail(self, reason: str) -> NoReturn:
        raise JsonInvalid(reason, self._at)

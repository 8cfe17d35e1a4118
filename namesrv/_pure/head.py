"""The request header, read only as far as the hot path needs it.

`read_head` reads the forms that real clients send (docs/protocol.md, chapter on
clients) and returns None, "not mine", for all others, which `wire.command` reads. Both
read a header that is "mine" in the same way.

The JSON form: one object; printable ASCII without backslashes; no name twice; at most
MOST_HEAD_MEMBERS members in an object; values are strings, whole numbers of up to ten
digits, true, false or null; only extFields is an object; blanks, tabs and line ends
anywhere between the tokens. `code` and `opaque` are required.
"""

import re
from typing import Final

from namesrv.hot_path import (
    LONGEST_HOT_HEADER_BYTES,
    MOST_HEAD_MEMBERS,
    Head,
    check_bytes,
    check_int32,
)
from namesrv.wire.command import FIXED_PART

_STRING: Final = r'"([ !#-\[\]-~]*)"'
_NUMBER: Final = r"(0|-?[1-9][0-9]{0,9})"
_WS: Final = r"[ \t\r\n]*"
_MEMBER: Final = re.compile(
    rf"{_WS}{_STRING}{_WS}:{_WS}(?:{_STRING}|{_NUMBER}|(null|true|false)|(\{{))"
)
_NEXT: Final = re.compile(rf"{_WS}([,}}])")
_OPEN: Final = re.compile(rf"{_WS}\{{")
_EMPTY: Final = re.compile(rf"{_WS}\}}")
_END: Final = re.compile(rf"{_WS}\Z")

_REMARK_START: Final = 13
_LOWEST: Final = -(2**31)
_HIGHEST: Final = 2**31 - 1

Value = str | int | bool | None


def read_head(serialize_type: int, header: bytes) -> Head | None:
    """Read a header of type 0 (JSON) or 1 (ROCKETMQ); None for "not mine".

    Headers of more than LONGEST_HOT_HEADER_BYTES are "not mine".
    """
    check_int32("serialize_type", serialize_type)
    check_bytes("header", header)
    if len(header) > LONGEST_HOT_HEADER_BYTES:
        return None
    if serialize_type == 0:
        return _read_json_head(header)
    return _read_binary_head(header)


def _read_json_head(header: bytes) -> Head | None:
    if not header.isascii():
        return None
    text = header.decode("ascii")
    members: dict[str, Value] = {}
    ext_fields: dict[str, Value] = {}
    end = _read_members(text, 0, members, ext_fields)
    if end < 0 or not _END.match(text, end):
        return None
    return _checked_head(members, ext_fields)


def _read_members(
    text: str,
    start: int,
    members: dict[str, Value],
    ext_fields: dict[str, Value] | None,
) -> int:
    """Read an object at `start`; the position after it, or -1 for "not mine".

    With `ext_fields` given, a member of that name may be an object and fills it.
    """
    opening = _OPEN.match(text, start)
    if opening is None:
        return -1
    position = opening.end()
    empty = _EMPTY.match(text, position)
    if empty is not None:
        return empty.end()
    while True:
        member = _MEMBER.match(text, position)
        if member is None:
            return -1
        name, string, number, word, brace = member.groups()
        if name in members or len(members) == MOST_HEAD_MEMBERS:
            return -1
        position = member.end()
        if ext_fields is not None and name == "extFields":
            if brace is not None:
                position = _read_members(text, position - 1, ext_fields, None)
            elif word != "null":
                return -1
            members[name] = brace is not None
            if position < 0:
                return -1
        elif brace is not None:
            return -1
        else:
            members[name] = _scalar(string, number, word)
        following = _NEXT.match(text, position)
        if following is None:
            return -1
        position = following.end()
        if following[1] == "}":
            return position


def _scalar(string: str | None, number: str | None, word: str | None) -> Value:
    if string is not None:
        return string
    if number is not None:
        return int(number)
    return None if word == "null" else word == "true"


def _checked_head(
    members: dict[str, Value], ext_fields: dict[str, Value]
) -> Head | None:
    code = _whole(members.get("code"))
    opaque = _whole(members.get("opaque"))
    version = _whole(members.get("version", 0))
    flag = _whole(members.get("flag", 0))
    if code is None or opaque is None or version is None or flag is None:
        return None
    if not _is_plain_language(members.get("language")):
        return None
    if not isinstance(members.get("remark"), str | None):
        return None
    if not members.get("extFields"):
        return Head(code, version, opaque, flag, None)
    texts = {name: _text(value) for name, value in ext_fields.items()}
    return Head(code, version, opaque, flag, texts)


def _text(value: Value) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _whole(value: Value) -> int | None:
    if type(value) is int and _LOWEST <= value <= _HIGHEST:
        return value
    return None


def _is_plain_language(value: Value) -> bool:
    if value is None or isinstance(value, str):
        return True
    return type(value) is int and 0 <= value <= 13


def _read_binary_head(header: bytes) -> Head | None:
    if len(header) < _REMARK_START + 8:
        return None
    code, _language, version, opaque, flag = FIXED_PART.unpack_from(header)
    remark_length = int.from_bytes(header[_REMARK_START : _REMARK_START + 4])
    start = _REMARK_START + 4 + remark_length
    if start + 4 > len(header):
        return None
    ext_length = int.from_bytes(header[start : start + 4])
    if start + 4 + ext_length != len(header):
        return None
    if ext_length == 0:
        return Head(code, version, opaque, flag, None)
    ext_fields = _read_binary_ext_fields(header, start + 4)
    if ext_fields is None:
        return None
    return Head(code, version, opaque, flag, ext_fields)


def _read_binary_ext_fields(
    header: bytes, position: int
) -> dict[str, str | None] | None:
    """Pairs of printable ASCII, none empty, no name twice; None for "not mine"."""
    ext_fields: dict[str, str | None] = {}
    while position < len(header):
        name, position = _read_binary_text(header, position, 2)
        value, position = _read_binary_text(header, position, 4)
        if not name or not value or name in ext_fields:
            return None
        if len(ext_fields) == MOST_HEAD_MEMBERS:
            return None
        ext_fields[name] = value
    return ext_fields


def _read_binary_text(
    header: bytes, position: int, length_bytes: int
) -> tuple[str, int]:
    """A text and the position after it; an empty text for anything unusual."""
    start = position + length_bytes
    length = int.from_bytes(header[position:start])
    raw = header[start : start + length]
    if start + length > len(header) or not raw.isascii():
        return "", len(header)
    text = raw.decode("ascii")
    return (text if text.isprintable() else ""), start + length

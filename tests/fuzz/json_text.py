"""The lenient JSON reader: what standard JSON says is read so, and nothing hangs."""

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from namesrv.errors import JsonInvalid
from namesrv.wire.java_json.lenient import MAX_DEPTH, LenientReader
from namesrv.wire.java_json.read import read_json
from namesrv.wire.java_json.values import JsonValue, Number, to_bool, to_int, to_text
from namesrv.wire.java_json.write import write_string
from tests.fuzz.recorded import recorded_frames
from tests.fuzz.structure import JSON_WORDS, mutate_json
from tests.fuzz.target import Target, repeated, tried

ALLOWED: Final = (JsonInvalid,)


def run(data: bytes) -> None:
    """Agrees with the standard reader, with itself, and with what it writes."""
    tried(ALLOWED, read_json, repeated(data))
    tried(ALLOWED, read_json, b"[" + repeated(data + b","))
    seen = tried(ALLOWED, read_json, data)
    with suppress(UnicodeDecodeError):
        text = data.decode()
        alone = tried(ALLOWED, LenientReader(text).read)
        assert seen[0] == alone[0], (seen, alone)
        assert seen[0] == "err" or same_value(alone[1], seen[1]), (seen, alone)
        compare_with_standard(text, seen)
    if seen[0] == "ok":
        assert depth(seen[1]) <= MAX_DEPTH
        convert(seen[1])


def compare_with_standard(text: str, seen: tuple[Any, ...]) -> None:
    """Whatever RFC 8259 allows is read with that value, down to the depth allowed."""
    try:
        expected = json.loads(
            text, parse_constant=refuse, parse_int=Number, parse_float=Number
        )
    except (ValueError, RecursionError):
        return
    if seen[0] == "err":
        assert "nesting is deeper" in seen[2][0], seen
        return
    assert same_value(seen[1], expected), (seen, expected)


def refuse(constant: str) -> Any:
    raise ValueError(constant)


def same_value(one: JsonValue, other: JsonValue) -> bool:
    """Equal, a number being no text."""
    pending = [(one, other)]
    while pending:
        left, right = pending.pop()
        if type(left) is not type(right):
            return False
        if isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                return False
            pending += zip(left, right, strict=True)
        elif isinstance(left, dict) and isinstance(right, dict):
            if list(left) != list(right):
                return False
            if list(map(type, left)) != list(map(type, right)):
                return False
            pending += zip(left.values(), right.values(), strict=True)
        elif left != right:
            return False
    return True


def depth(value: Any) -> int:
    """How deep containers are in one another."""
    level, found = [value], 0
    while level := [item for item in level if isinstance(item, list | dict)]:
        found += 1
        level = [
            member
            for item in level
            for member in (item.values() if isinstance(item, dict) else item)
        ]
    return found


def convert(value: JsonValue) -> None:
    """Java's conversions; the text of a container is JSON again."""
    tried(ALLOWED, to_int, value, 0)
    tried(ALLOWED, lambda: to_bool(value, default=False))
    text = tried(ALLOWED, to_text, value)
    if text[0] == "err" or text[1] is None:
        return
    assert json.loads(write_string(text[1])) == text[1].translate(_SENDABLE)
    if isinstance(value, list | dict) and not isinstance(value, Number):
        assert read_json(text[1].encode()) is not None


_SENDABLE: Final = dict.fromkeys(range(0xD800, 0xE000), "?")


def seeds() -> Iterable[bytes]:
    """Recorded headers and bodies, and one text for each thing that is lenient."""
    yield from {body for _, _, body in recorded_frames() if body[:1] in (b"{", b"[")}
    yield from {header for kind, header, _ in recorded_frames() if kind == 0}
    yield from (
        *(
            b"",
            b" ",
            b"\0\0",
            b"null",
            b"1.50",
            b"1e400",
            b"-0",
            b"'a'",
            b"\xef\xbb\xbf{}",
        ),
        b"{1:2,-3L:4L,'a':[1,],/*x*/\"b\":Set[1,2],}//end",
        rb'"\u00e9\x7f\ud83d\ude00\v\0\7\'"',
        b'{"a":1,"a":{"b":2}}',
        b"[" * 300 + b"]" * 300,
        b'{"a":' + b"[" * 256 + b"]" * 256 + b',"a":1}',
        rb'["\\","\"","\\\"",\'\\\\\']',
        b'{"a":' * 257 + b"1" + b"}" * 257,
        b"[1.5E-7,1e3,0.000,00,01,+1,1.,-,1E2147483648]",
        b'[true,"TRUE","y","1","null","","1,000","206.0"]',
    )


TARGET: Final = Target("json", run, ALLOWED, seeds, mutate_json, JSON_WORDS)

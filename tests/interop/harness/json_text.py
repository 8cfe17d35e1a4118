"""JSON kept as text, so that quotes, bare keys and white space can be compared.

Strings alone are brought to one form: where Java 5.3.3 escapes `/` and what is
not ASCII, 5.5.0 does not, and either is right (docs/protocol.md, 1.3).
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)

Path = tuple[str, ...]


class NotCompactJson(ValueError):
    """The text is no JSON, or has white space between its tokens."""


@dataclass
class Scalar:
    text: str


@dataclass
class Array:
    items: list["Node"]


@dataclass
class Object:
    members: list[tuple[str, "Node"]]


Node = Scalar | Array | Object


def parse(text: str) -> Node:
    """Read compact JSON whose keys may be bare numbers; raises NotCompactJson."""
    tokens = _Tokens(text)
    node = tokens.value()
    tokens.end()
    return node


def dump(node: Node) -> str:
    match node:
        case Object(members):
            inner = (f"{key}:{dump(value)}" for key, value in members)
            return "{" + ",".join(inner) + "}"
        case Array(items):
            return "[" + ",".join(map(dump, items)) + "]"
        case Scalar(text):
            return text


def ordered(node: Node, is_unordered: Callable[[Path], bool], path: Path = ()) -> Node:
    """A copy whose containers at the unordered paths are sorted by their text."""
    match node:
        case Object(members):
            members = [
                (key, ordered(value, is_unordered, (*path, _plain(key))))
                for key, value in members
            ]
            if is_unordered(path):
                members.sort(key=lambda member: member[0])
            return Object(members)
        case Array(items):
            items = [ordered(item, is_unordered, (*path, "*")) for item in items]
            if is_unordered(path):
                items.sort(key=dump)
            return Array(items)
        case Scalar():
            return node


def to_python(node: Node) -> Any:
    """The value as dict, list, str, int ...; bare numeric keys become strings."""
    match node:
        case Object(members):
            return {_plain(key): to_python(value) for key, value in members}
        case Array(items):
            return [to_python(item) for item in items]
        case Scalar(text):
            return json.loads(text)


def _plain(key: str) -> str:
    return str(json.loads(key)) if key.startswith('"') else key


class _Tokens:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def next(self) -> str:
        match = TOKEN.match(self._text, self._position)
        if match is None:
            raise NotCompactJson(
                f"unexpected text at character {self._position}:"
                f" {self._text[self._position : self._position + 40]!r}"
            )
        self._position = match.end()
        token = match.group()
        if token.startswith('"'):
            return json.dumps(json.loads(token, strict=False), ensure_ascii=False)
        return token

    def expect(self, *wanted: str) -> str:
        token = self.next()
        if token not in wanted:
            raise NotCompactJson(
                f"{token!r} before character {self._position},"
                f" expected {' or '.join(wanted)}"
            )
        return token

    def end(self) -> None:
        if self._position != len(self._text):
            raise NotCompactJson(f"text goes on after character {self._position}")

    def value(self) -> Node:
        token = self.next()
        if token == "{":
            return Object(self._members())
        if token == "[":
            return Array(self._items())
        return Scalar(token)

    def _members(self) -> list[tuple[str, Node]]:
        members: list[tuple[str, Node]] = []
        key = self.next()
        while key != "}":
            self.expect(":")
            members.append((key, self.value()))
            if self.expect(",", "}") == "}":
                break
            key = self.next()
        return members

    def _items(self) -> list[Node]:
        items: list[Node] = []
        if self._text.startswith("]", self._position):
            self.next()
            return items
        while True:
            items.append(self.value())
            if self.expect(",", "]") == "]":
                return items

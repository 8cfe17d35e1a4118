"""JSON as it was written: keys and scalars stay text, so that quotes count."""

import json
import re
from collections.abc import Collection, Iterator
from typing import Any, Final, TypeAlias, cast

from tests.golden.transcript import Pointer

Node: TypeAlias = Any
"""An object as a tuple of (key, Node), an array as a list, anything else as text."""

_ATOM: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s{}\[\],:"]+', re.DOTALL)
_STRUCTURE: Final = set("{}[],:")
_ANY: Final = "any"
_KEYED_BY_ID: Final = ("brokerAddrs", "currIdMap")
_BROKER_NAME: Final = '"brokerName"'


def parse_json(text: str) -> Node:
    """Compact JSON, keys may be bare; ValueError for anything else."""
    if not set(_ATOM.sub("", text)) <= _STRUCTURE:
        raise ValueError(f"neither an atom nor structure in {text!r}")
    quoted = _ATOM.sub(lambda atom: json.dumps(atom[0]), text)
    return json.loads(quoted, object_pairs_hook=tuple)


def normalized(
    node: Node,
    unordered: Collection[Pointer],
    volatile: Collection[Pointer],
    path: Pointer,
) -> Node:
    """The node with its unordered containers sorted and its volatile values masked."""
    if _is_named(path, volatile):
        return _ANY
    if isinstance(node, str):
        return node
    result: list[Any]
    if isinstance(node, tuple):
        result = [
            (key, normalized(value, unordered, volatile, (*path, _name(key))))
            for key, value in node
        ]
    else:
        result = [
            normalized(value, unordered, volatile, (*path, str(index)))
            for index, value in enumerate(node)
        ]
    if _is_named(path, unordered):
        result.sort(key=repr)
    return tuple(result) if isinstance(node, tuple) else result


def not_by_name(
    node: Node, pointers: Collection[Pointer], path: Pointer
) -> Iterator[Pointer]:
    """Places of those containers at `pointers` whose entries are not sorted by name.

    Ids are sorted as numbers, data of brokers by the name of the broker.
    """
    if isinstance(node, str):
        return
    if isinstance(node, tuple):
        names = [_name(key) for key, _ in node]
        children = [(_name(key), value) for key, value in node]
    else:
        names = [_entry_name(item) for item in node]
        children = [(str(index), item) for index, item in enumerate(node)]
    if _is_named(path, pointers):
        is_by_id = path[-1] in _KEYED_BY_ID
        if names != sorted(names, key=int if is_by_id else str):
            yield path
    for name, child in children:
        yield from not_by_name(child, pointers, (*path, name))


def _entry_name(item: Node) -> str:
    return _name(item if isinstance(item, str) else dict(item)[_BROKER_NAME])


def _name(key: str) -> str:
    return cast(str, json.loads(key)) if key.startswith('"') else key


def _is_named(path: Pointer, pointers: Collection[Pointer]) -> bool:
    return any(
        len(pointer) == len(path)
        and all(part in ("*", name) for part, name in zip(pointer, path, strict=True))
        for pointer in pointers
    )

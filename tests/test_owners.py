"""The fields of a connection are written by the connection alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "namesrv"
OBJECTS = {"connection", "connections", "protocol", "peer", "holder"}
"""Names of variables and fields that hold a connection or its protocol."""


def writes_of_others(tree: ast.Module) -> Iterator[ast.Attribute]:
    """Assignments to a field of a connection or protocol from outside."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Attribute) and is_connection(target.value):
                yield target


def is_connection(value: ast.expr) -> bool:
    name: str = getattr(value, "attr", "") or getattr(value, "id", "")
    return name.lstrip("_") in OBJECTS


def test_no_file_writes_a_field_of_a_connection() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{target.lineno} writes {ast.unparse(target)}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for target in writes_of_others(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found


def test_write_from_outside_is_found() -> None:
    tree = ast.parse("self.connection.pause = 1\nself._pause = 2")
    assert [ast.unparse(target) for target in writes_of_others(tree)] == [
        "self.connection.pause"
    ]

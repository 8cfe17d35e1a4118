"""All code keeps to it: lines that peers cause have a rate, and only threads write."""

import ast
from collections.abc import Iterator
from pathlib import Path

import namesrv

PACKAGE = Path(namesrv.__file__).parent
# Modules whose lines no peer causes, or that limit their lines themselves.
UNLIMITED = {
    "server/files/access_keys",
    "server/files/http_tokens",
    "server/logs/change_lines",
    "server/logs/events",
    "server/logs/life",
    "server/lanes/lanes",
    "server/nameserver",
    "server/running/companions",
    "server/life/reload",
    "server/tls/gate",
    "server/warm_start/schedule",
}
STREAMS = {"stdout", "stderr", "__stdout__", "__stderr__"}


def modules(*floors: str) -> Iterator[tuple[str, ast.Module]]:
    for floor in floors:
        for path in (PACKAGE / floor).rglob("*.py"):
            yield (
                path.relative_to(PACKAGE).with_suffix("").as_posix(),
                ast.parse(path.read_text()),
            )


def is_unlimited(node: ast.AST) -> bool:
    """Whether it logs something as often as it happens."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute) and node.func.attr == "log_own":
        return True
    return any(
        keyword.arg == "peer_caused"
        and not (isinstance(keyword.value, ast.Constant) and keyword.value.value)
        for keyword in node.keywords
    )


def test_only_few_modules_log_without_a_rate() -> None:
    found = {
        name
        for name, tree in modules("routing", "server")
        if any(map(is_unlimited, ast.walk(tree)))
    }
    assert found == UNLIMITED


def writes_to_a_stream(node: ast.AST) -> bool:
    """Whether it prints, or takes a standard stream of the interpreter."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id == "print"
    return isinstance(node, ast.Attribute) and node.attr in STREAMS


def test_only_the_log_takes_the_standard_streams() -> None:
    found = {
        name
        for name, tree in modules("wire", "_pure", "routing", "server")
        if any(map(writes_to_a_stream, ast.walk(tree)))
    }
    assert found == {"server/logs/handlers"}

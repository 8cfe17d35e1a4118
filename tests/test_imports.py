"""The shape of the house: imports go down only, rooms and files stay small.

The rule is section "The import rule" of docs/architecture.md.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "namesrv"

# Floor -> the floors it may import besides itself. `ground` lies below all of them,
# `package` is namesrv/__init__.py; `workers` is to be built.
GROUND = {"ground", "package"}
BELOW_ROUTING = GROUND | {"wire", "_impl"}
BELOW_ADMIN = BELOW_ROUTING | {"routing", "client", "server"}
MAY_IMPORT = {
    "package": set(),
    "ground": {"package"},
    "wire": GROUND,
    "_pure": GROUND | {"wire"},
    "_fast": GROUND | {"wire"},
    "_impl": GROUND | {"wire", "_pure", "_fast"},
    "routing": BELOW_ROUTING,
    "client": GROUND | {"wire"},
    "server": BELOW_ROUTING | {"routing", "client"},
    "admin": BELOW_ADMIN,
    "workers": BELOW_ADMIN,
    # The peer kit shares no code with `wire`, so that a mistake cannot hide.
    "peer": {"package"},
    "testing": BELOW_ADMIN | {"peer", "_pure", "_fast"},
    "cli": BELOW_ADMIN | {"admin", "workers", "peer"},
    "__main__": {"cli"},
}
GROUND_MODULES = {
    *("carried_brokers", "codes", "contradictions", "errors", "hot_path"),
    *("misspellings", "option", "option_sources", "options", "switches", "work"),
}

# What only the floors that do I/O may import: the loop, sockets and every clock.
OUTSIDE_WORLD = {"asyncio", "datetime", "socket", "ssl", "time", "uvloop"}
MAY_IMPORT_OUTSIDE_WORLD = {
    *("client", "server", "admin", "workers", "testing", "peer", "cli"),
}
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
MAY_READ_ENVIRONMENT = {"_impl", "cli"}
DYNAMIC_IMPORTS = {"import_module", "__import__"}


def floor_of(module: str) -> str | None:
    """The floor of a dotted name: wire of `namesrv.wire.command`; None if unknown."""
    parts = module.split(".")
    name = parts[1] if len(parts) > 1 else "__init__"
    if name == "__init__":
        return "package"
    if name in GROUND_MODULES:
        return "ground"
    if parts[1:3] == ["testing", "peer"]:
        return "peer"
    return name if name in MAY_IMPORT else None


def absolute(module: str, node: ast.ImportFrom) -> str:
    """The absolute name of the module that `from ... import` in `module` names."""
    if not node.level:
        return node.module or ""
    parents = module.split(".")[: -node.level]
    return ".".join([*parents, node.module] if node.module else parents)


def imported_by(module: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything that is imported, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            source = absolute(module, node)
            for alias in node.names:
                # `from namesrv import wire` names a floor; __version__ is none.
                is_floor = source == "namesrv" and not alias.name.startswith("__")
                yield node.lineno, f"{source}.{alias.name}" if is_floor else source
        elif isinstance(node, ast.Call) and node.args:
            called = node.func
            name = getattr(called, "attr", None) or getattr(called, "id", None)
            what = node.args[0]
            if name in ("import_module", "__import__") and isinstance(
                what, ast.Constant
            ):
                yield node.lineno, str(what.value)


class _WithoutTypeChecking(ast.NodeTransformer):
    """Leaves out what only type checkers import."""

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        test = node.test
        is_for_types = isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"
        return node.orelse if is_for_types else node


def environment_read(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, name) of every use of the process's environment."""
    os_names = {"os"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            os_names |= {a.asname for a in node.names if a.name == "os" and a.asname}
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            for alias in node.names:
                if alias.name in ENVIRONMENT:
                    yield node.lineno, alias.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT:
            if isinstance(node.value, ast.Name) and node.value.id in os_names:
                yield node.lineno, node.attr


def violations(module: str, source: str) -> list[str]:
    """What `source` imports or reads against the rule; one sentence each.

    `module` is the dotted path of the file, a package's with `.__init__` at its end.
    """
    floor = floor_of(module)
    if floor is None:
        return [f"{module} belongs to no floor"]
    tree = ast.parse(source)
    if floor == "package":
        # It gives names of all floors, and imports none before they are used.
        tree = _WithoutTypeChecking().visit(tree)
    found = []
    for line, name in imported_by(module, tree):
        top = name.split(".")[0]
        if top == "namesrv":
            target = floor_of(name)
            if target != floor and target not in MAY_IMPORT[floor]:
                found.append(f"{module}:{line} imports {name}: {floor} may not")
        elif top in OUTSIDE_WORLD and floor not in MAY_IMPORT_OUTSIDE_WORLD:
            found.append(f"{module}:{line} imports {top}: {floor} may not")
    if floor not in MAY_READ_ENVIRONMENT:
        for line, name in environment_read(tree):
            found.append(f"{module}:{line} uses os.{name}: {floor} may not")
    return found


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_only_downwards(module: str) -> None:
    assert violations(module, MODULES[module].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("namesrv.wire.command", "import namesrv.routing.queries"),
        ("namesrv.wire.command", "from namesrv.server import protocol"),
        ("namesrv.wire.command", "from namesrv import cli"),
        ("namesrv.wire.command", "from ..routing import queries"),
        ("namesrv.wire.__init__", "from .. import routing"),
        ("namesrv.wire.command", "from namesrv import _impl"),
        ("namesrv.codes", "from namesrv.wire.command import RemotingCommand"),
        ("namesrv.options", "from .wire import properties"),
        ("namesrv.__init__", "from namesrv.server.nameserver import NameServer"),
        ("namesrv._pure.frame", "import namesrv._fast.frame"),
        ("namesrv._fast.__init__", "from namesrv._pure import frame"),
        ("namesrv._pure.connection", "from namesrv._impl import IMPLEMENTATION"),
        ("namesrv.routing.tables", "from namesrv._pure.live_table import Table"),
        ("namesrv.server.protocol", "from namesrv._pure.connection import Connection"),
        (
            "namesrv.cli",
            "from importlib import import_module\nimport_module('namesrv._fast')",
        ),
        ("namesrv.routing.tables", "from namesrv.server import files"),
        ("namesrv.server.protocol", "def f():\n    import namesrv.cli"),
        ("namesrv.client.route_cache", "from namesrv.server import nameserver"),
        ("namesrv.client.route_cache", "from namesrv.routing import state"),
        ("namesrv.routing.state", "from namesrv.client import route_cache"),
        ("namesrv.admin.app", "from namesrv.workers import feed"),
        ("namesrv.workers.feed", "import namesrv.admin.app"),
        ("namesrv.server.nameserver", "from namesrv.admin import app"),
        ("namesrv.server.nameserver", "from namesrv.workers import feed"),
        ("namesrv.server.nameserver", "from namesrv.testing import world"),
        ("namesrv.admin.app", "import namesrv.cli"),
        ("namesrv.__main__", "from namesrv.server.nameserver import run"),
        ("namesrv.cli.demo_broker", "from namesrv.testing.simulator import world"),
        ("namesrv.testing.peer.requests", "from namesrv.wire import command"),
        ("namesrv.shared", ""),
        ("namesrv.wire.command", "import namesrv.shared"),
        ("namesrv.wire.command", "from namesrv import shared"),
        ("namesrv.routing.liveness", "import time"),
        ("namesrv.routing.liveness", "from time import monotonic"),
        ("namesrv.routing.liveness", "from datetime import datetime"),
        ("namesrv._pure.connection", "import asyncio.events"),
        ("namesrv._impl", "try:\n    import uvloop\nexcept ImportError:\n    pass"),
        ("namesrv.wire.command", "import socket as s, ssl"),
        ("namesrv.options", "import os\nos.environ['HOME']"),
        ("namesrv.server.files", "import os as system\nsystem.getenv('HOME')"),
        ("namesrv.routing.tables", "from os import environ as e"),
    ],
)
def test_rule_refuses(module: str, source: str) -> None:
    assert violations(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("namesrv.errors", "from namesrv.codes import ResponseCode"),
        ("namesrv.wire.command", "import os.path, struct\nfrom . import headers"),
        ("namesrv._pure.connection", "from namesrv._pure.frame import FrameDecoder"),
        ("namesrv._impl", "import os\nfrom importlib import import_module\n"
         "os.environ.get('X')\nimport_module('namesrv._fast.frame')"),
        ("namesrv._impl", "from ._pure.frame import FrameDecoder"),
        ("namesrv.routing.tables", "from namesrv._impl import BrokerLiveTable"),
        ("namesrv.server.nameserver", "import time\nfrom namesrv import __version__"),
        ("namesrv.server.outbound.resolver", "from namesrv.client import addresses"),
        ("namesrv.admin.app", "from namesrv.client import addresses"),
        ("namesrv.workers.feed", "import asyncio\nfrom namesrv.server import reload"),
        ("namesrv.cli.serve", "from namesrv.admin import app\nimport namesrv.workers"),
        ("namesrv.__init__", "if TYPE_CHECKING:\n    from namesrv import cli"),
        ("namesrv.client.session", "import asyncio\nfrom namesrv.wire import command"),
        ("namesrv.testing.plugin", "from namesrv.client import session\nimport time"),
        ("namesrv.cli", "import os\nos.environ['X'] = '1'\nimport namesrv.server"),
        ("namesrv.__main__", "from namesrv.cli import main"),
        ("namesrv.cli.demo_broker", "from namesrv.testing.peer import requests"),
    ],
)  # fmt: skip
def test_rule_allows(module: str, source: str) -> None:
    assert violations(module, source) == []


def test_peer_kit_imports_nothing_else_of_namesrv() -> None:
    # It writes and reads bytes a second time, so that a mistake cannot hide.
    kit = "namesrv.testing.peer"
    imported = {
        name
        for module, path in MODULES.items()
        if module.startswith(f"{kit}.")
        for _, name in imported_by(module, ast.parse(path.read_text("utf-8")))
        if name.split(".")[0] == "namesrv"
    }
    assert imported and {name for name in imported if not name.startswith(kit)} == set()


def room_of(module: str) -> str:
    """A folder of a floor, or a file beside such folders: `namesrv.routing.tables`."""
    return ".".join(module.removesuffix(".__init__").split(".")[:3])


def rooms_imported(floor: str) -> dict[str, set[str]]:
    """For each room of a floor the others of the same floor that it imports."""
    rooms: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        if module.startswith(f"namesrv.{floor}."):
            imported = imported_by(module, ast.parse(path.read_text(encoding="utf-8")))
            others = {room_of(name) for _, name in imported}
            own = rooms.setdefault(room_of(module), set())
            own |= {room for room in others if room.startswith(f"namesrv.{floor}.")}
            own.discard(room_of(module))
    return rooms


@pytest.mark.parametrize(
    "floor", ["wire", "routing", "server", "admin", "testing", "cli"]
)
def test_rooms_of_a_floor_import_each_other_in_no_circle(floor: str) -> None:
    rooms = rooms_imported(floor)
    assert rooms
    # Raises CycleError, which names the circle.
    assert set(TopologicalSorter(rooms).static_order()) >= set(rooms)


@pytest.mark.parametrize("floor", ["routing", "server"])
def test_floor_shows_at_most_13_names(floor: str) -> None:
    folder = PACKAGE / floor
    names = {path.name for path in folder.iterdir()} - {"__pycache__"}
    assert len(names) <= 13, sorted(names)


IMPORT_EACH_ALONE = """
import importlib, os, sys, traceback
import argparse, asyncio, concurrent.futures, cryptography.x509, hashlib, json, logging
import msgpack, msgspec.json, random, resource, socket, ssl, tempfile, uvloop
for module in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        try:
            importlib.import_module(module)
        except BaseException:
            print(module, "does not import alone:", file=sys.stderr)
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.mark.slow
def test_each_module_imports_alone_with_warnings_as_errors() -> None:
    # One fresh interpreter that forks for each module: as clean as a process each. It
    # has imported what is not ours, which takes the longest and is the same for all.
    # Coverage would import modules of its own into it.
    environ = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    modules = [module.removesuffix(".__init__") for module in MODULES]
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_EACH_ALONE, *modules],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.stderr == ""
    assert ran.returncode == 0


def test_no_file_is_longer_than_400_lines() -> None:
    files = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyx")]
    lengths = {
        path.relative_to(PACKAGE).as_posix(): len(path.read_bytes().splitlines())
        for path in files
    }
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def project_files() -> list[Path]:
    """Every file that git tracks or would track; from an unpacked sdist, every file."""
    if not (ROOT / ".git").exists():
        return [
            path
            for folder in ("docs", "namesrv", "tests", ".ci")
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        ]
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    names = listed.stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


# Put together here, so that this file does not hold what it looks for.
MACHINE_PATHS = [f"/{folder}/" for folder in ("work", "farm", "root", "opt/wheels")]
MACHINE_PATHS += [f".{folder}" for folder in ("library",)]
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("repo1", "maven", "org"),
        ("repo", "maven", "apache", "org"),
        ("crates", "io"),
        ("npmjs", "org"),
        ("proxy", "golang", "org"),
        ("deb", "debian", "org"),
        ("docker", "io"),
    )
]


@pytest.mark.parametrize("text", MACHINE_PATHS + REGISTRY_HOSTS)
def test_no_file_names_a_machine_path_or_a_registry_host(text: str) -> None:
    wanted = text.encode()
    assert [path for path in project_files() if wanted in path.read_bytes()] == []

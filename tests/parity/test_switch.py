"""The switch in fresh processes: what was built, times what was asked for."""

import os
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import namesrv

NO, REQUIRE = "NAMESRV_NO_EXTENSIONS", "NAMESRV_REQUIRE_EXTENSIONS"
ASK = """
import sys, namesrv
from namesrv import _impl
from namesrv.routing import state
assert namesrv.__file__ == sys.argv[1], namesrv.__file__
classes = {getattr(_impl, n) for n in _impl.__all__ if n != "IMPLEMENTATION"}
print(_impl.IMPLEMENTATION, *{c.__module__.split(".")[1] for c in classes})
twins = "namesrv._pure.", "namesrv._fast."
print(*{m.split(".")[1] for m in sys.modules if m.startswith(twins)})
"""
LOADERS_OWN = "import namesrv._fast.connection"
REFUSED = "refused"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with its extension, on a path of its own."""
    import_module("namesrv._fast.connection")
    copy = tmp_path_factory.mktemp("built") / "namesrv"
    source = Path(namesrv.__file__).parent
    rest = shutil.ignore_patterns("__pycache__", "*.c", "*.pyx", "*.pxd", "*.html")
    shutil.copytree(source, copy, ignore=rest)
    assert extensions(copy)
    return copy


@pytest.fixture(scope="module")
def absent(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, never built."""
    copy = tmp_path_factory.mktemp("absent") / "namesrv"
    shutil.copytree(built, copy)
    for file in extensions(copy):
        file.unlink()
    return copy


@pytest.fixture(scope="module")
def broken(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, with a file that cannot be loaded."""
    copy = tmp_path_factory.mktemp("broken") / "namesrv"
    shutil.copytree(built, copy)
    for file in extensions(copy):
        file.write_bytes(b"not a library")
    return copy


def extensions(package: Path) -> list[Path]:
    files = (package / "_fast").iterdir()
    return [f for f in files if f.name.endswith(tuple(EXTENSION_SUFFIXES))]


def run(
    package: Path, code: str, *asked: str, arguments: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter that finds this copy of the package first."""
    environment = {n: v for n, v in os.environ.items() if n not in (NO, REQUIRE)}
    environment |= {name: "1" for name in asked}
    environment["PYTHONPATH"] = str(package.parent)
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        cwd=package.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )


STATES = [
    ("built", (), "fast"),
    ("built", (NO,), "pure"),
    ("built", (REQUIRE,), "fast"),
    ("absent", (), "pure"),
    ("absent", (NO,), "pure"),
    ("absent", (REQUIRE,), REFUSED),
    ("broken", (), REFUSED),
    ("broken", (NO,), "pure"),
    ("broken", (REQUIRE,), REFUSED),
]


@pytest.mark.parametrize(("package", "asked", "expected"), STATES)
def test_which_twin_runs(
    package: str, asked: tuple[str, ...], expected: str, request: pytest.FixtureRequest
) -> None:
    copy = request.getfixturevalue(package)
    done = run(copy, ASK, *asked, arguments=(str(copy / "__init__.py"),))
    if expected != REFUSED:
        assert done.stdout.splitlines() == [
            f"{expected} _{expected}",
            f"_{expected}",
        ], done.stderr
        return
    assert done.returncode == 1
    assert done.stdout == ""
    own = run(copy, LOADERS_OWN)
    # The loader's own words, with the name of what is missing or broken.
    assert done.stderr.splitlines()[-1] == own.stderr.splitlines()[-1]
    kind = "ModuleNotFoundError: " if package == "absent" else "ImportError: "
    assert done.stderr.splitlines()[-1].startswith(kind)


@pytest.mark.parametrize(
    "missing", ["frame", "head_shapes", "text_map", "answer_frames"]
)
def test_a_package_that_misses_one_module_is_broken(
    missing: str, built: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "namesrv"
    shutil.copytree(built, copy)
    for file in extensions(copy):
        if file.name.split(".")[0] == missing:
            file.unlink()
    done = run(copy, ASK, arguments=(str(copy / "__init__.py"),))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        f"ModuleNotFoundError: No module named 'namesrv._fast.{missing}'"
    )


def test_both_switches_are_no_contradiction_that_anybody_needs(built: Path) -> None:
    done = run(built, ASK, NO, REQUIRE, arguments=(str(built / "__init__.py"),))
    assert done.stdout.startswith("pure ")


def test_command_line_names_the_twin_that_runs(built: Path, absent: Path) -> None:
    tell = "import sys; from namesrv.cli import main; sys.exit(main(sys.argv[1:]))"
    for package, arguments, expected in (
        (built, ("--version",), "fast"),
        (built, ("--pure", "--version"), "pure"),
        (absent, ("--version",), "pure"),
    ):
        done = run(package, tell, arguments=arguments)
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout


@pytest.mark.parametrize(
    ("package", "asked"), [("absent", (REQUIRE,)), ("broken", ()), ("broken", (NO,))]
)
@pytest.mark.parametrize("word", ["--version", "--check-config"])
def test_command_line_reports_in_one_line_why_no_twin_runs(
    package: str,
    asked: tuple[str, ...],
    word: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    tell = "import sys; from namesrv.cli import main; sys.exit(main(sys.argv[1:]))"
    words = ("--port", "0", "--bind", "127.0.0.1", "--data-dir", str(tmp_path))
    copy = request.getfixturevalue(package)
    done = run(copy, tell, *asked, arguments=(word, *words))
    if NO in asked:
        assert (done.returncode, done.stderr) == (0, "")
        return
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("namesrv: the compiled hot path cannot be loaded (")
    assert line.endswith("); build it again, or run without it: --pure")

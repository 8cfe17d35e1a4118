"""The switch between the twins: never built is a reason to be pure, broken is not."""

import ast
import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from namesrv import _impl
from namesrv.switches import is_on
from namesrv.testing.twins import MODULES

SWITCHES = ("NAMESRV_NO_EXTENSIONS", "NAMESRV_REQUIRE_EXTENSIONS")


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the switch anew, in this process, with a package that a test puts there."""
    for name in SWITCHES:
        monkeypatch.delenv(name, raising=False)
    for name in [n for n in sys.modules if n.startswith("namesrv._fast")]:
        monkeypatch.delitem(sys.modules, name)
    return lambda: SimpleNamespace(**runpy.run_path(_impl.__file__))


def never_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "namesrv._fast", None)


def built(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A compiled package whose names are texts, so that they can be told."""
    package = ModuleType("namesrv._fast")
    package.__path__ = []
    monkeypatch.setitem(sys.modules, package.__name__, package)
    names = {n: f"compiled {n}" for n in _impl.__all__ if n != "IMPLEMENTATION"}
    for module_name in MODULES:
        module = ModuleType(f"namesrv._fast.{module_name}")
        vars(module).update(names)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return names


class Broken:
    """Finds the package, and then cannot load it."""

    def __init__(self, error: ImportError) -> None:
        self._error = error

    def find_spec(self, name: str, *_: object) -> None:
        if name == "namesrv._fast.connection":
            raise self._error


def broken(monkeypatch: pytest.MonkeyPatch, error: ImportError) -> None:
    package = ModuleType("namesrv._fast")
    package.__path__ = []
    monkeypatch.setitem(sys.modules, package.__name__, package)
    monkeypatch.setattr(sys, "meta_path", [Broken(error), *sys.meta_path])


def test_never_built_is_pure(chosen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    never_built(monkeypatch)
    impl = chosen()
    assert impl.IMPLEMENTATION == "pure"
    assert {
        getattr(impl, name).__module__.rpartition(".")[0]
        for name in impl.__all__
        if name != "IMPLEMENTATION"
    } == {"namesrv._pure"}


def test_a_missing_module_of_the_package_is_never_built(
    chosen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "namesrv._fast.connection"
    broken(monkeypatch, ModuleNotFoundError(f"No module named {name!r}", name=name))
    assert chosen().IMPLEMENTATION == "pure"


def test_built_is_compiled(chosen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    names = built(monkeypatch)
    impl = chosen()
    assert impl.IMPLEMENTATION == "fast"
    assert {name: getattr(impl, name) for name in names} == names


def test_built_and_forbidden_is_pure(
    chosen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(monkeypatch)
    monkeypatch.setenv("NAMESRV_NO_EXTENSIONS", "1")
    impl = chosen()
    assert impl.IMPLEMENTATION == "pure"
    assert impl.Connection.__module__ == "namesrv._pure.connection"


@pytest.mark.parametrize("word", ["", "0", "false", "False", "no", "NO", " off "])
def test_switch_with_a_word_for_no_is_unset(
    chosen: Any, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    built(monkeypatch)
    monkeypatch.setenv("NAMESRV_NO_EXTENSIONS", word)
    assert chosen().IMPLEMENTATION == "fast"


@pytest.mark.parametrize("word", ["", "0", "no"])
def test_requirement_with_a_word_for_no_is_unset(
    chosen: Any, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    never_built(monkeypatch)
    monkeypatch.setenv("NAMESRV_REQUIRE_EXTENSIONS", word)
    assert chosen().IMPLEMENTATION == "pure"


@pytest.mark.parametrize("word", ["1", "true", "yes", "on", "nonsense"])
def test_switch_with_any_other_word_is_set(
    chosen: Any, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    built(monkeypatch)
    monkeypatch.setenv("NAMESRV_NO_EXTENSIONS", word)
    assert chosen().IMPLEMENTATION == "pure"


@pytest.mark.parametrize("word", ["", "0", "False", "no", "off", "1", "yes", "x"])
def test_building_reads_switches_as_running_does(
    monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    setup = ast.parse(Path(__file__).parents[2].joinpath("setup.py").read_text())
    (function,) = (
        node
        for node in setup.body
        if isinstance(node, ast.FunctionDef) and node.name == "is_asked_for"
    )
    names: dict[str, Any] = {"os": os}
    exec(compile(ast.Module([function], []), "setup.py", "exec"), names)
    monkeypatch.setenv("NAMESRV_SANITIZE", word)
    asked = is_on(os.environ, "NAMESRV_SANITIZE")
    assert names["is_asked_for"]("NAMESRV_SANITIZE") is asked


def test_built_and_required_is_compiled(
    chosen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(monkeypatch)
    monkeypatch.setenv("NAMESRV_REQUIRE_EXTENSIONS", "1")
    assert chosen().IMPLEMENTATION == "fast"


def test_never_built_and_required_is_refused(
    chosen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_built(monkeypatch)
    monkeypatch.setenv("NAMESRV_REQUIRE_EXTENSIONS", "1")
    with pytest.raises(ModuleNotFoundError, match=r"namesrv\._fast"):
        chosen()


@pytest.mark.parametrize("required", [False, True])
@pytest.mark.parametrize(
    "error",
    [
        ImportError("undefined symbol: oops"),
        ModuleNotFoundError("No module named 'namesrv.gone'", name="namesrv.gone"),
        ModuleNotFoundError("No module named 'other'", name="other"),
    ],
    ids=str,
)
def test_built_but_broken_is_seen(
    chosen: Any, monkeypatch: pytest.MonkeyPatch, error: ImportError, required: bool
) -> None:
    broken(monkeypatch, error)
    if required:
        monkeypatch.setenv("NAMESRV_REQUIRE_EXTENSIONS", "1")
    with pytest.raises(type(error), match=str(error)):
        chosen()


def test_broken_and_forbidden_is_pure(
    chosen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch, ImportError("undefined symbol: oops"))
    monkeypatch.setenv("NAMESRV_NO_EXTENSIONS", "1")
    assert chosen().IMPLEMENTATION == "pure"


def test_another_interpreter_is_pure(
    chosen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(monkeypatch)
    monkeypatch.setattr(sys, "implementation", SimpleNamespace(name="other"))
    assert chosen().IMPLEMENTATION == "pure"


def test_a_fresh_process_obeys_the_switch() -> None:
    """Importing one twin must not bring modules of the other along."""
    script = (
        "import sys; from namesrv._impl import IMPLEMENTATION; "
        "print(IMPLEMENTATION, any(n.startswith('namesrv._fast') for n in sys.modules))"
    )
    environment = {n: v for n, v in os.environ.items() if n not in SWITCHES}
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={**environment, "NAMESRV_NO_EXTENSIONS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.split() == ["pure", "False"]

"""The names that a program may import from `namesrv`."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import namesrv

ROOT = Path(__file__).parent.parent

LOADED = """
import sys
before = set(sys.modules)
import namesrv
for name in sys.argv[1:]:
    getattr(namesrv, name)
print(*sorted(set(sys.modules) - before))
"""


def loaded(*names: str) -> set[str]:
    """The modules that a fresh interpreter loads for `namesrv` and these names."""
    ran = subprocess.run(
        [sys.executable, "-S", "-c", LOADED, *names],
        capture_output=True,
        check=True,
        # The installed package or this folder, and nothing else that is installed.
        env={**os.environ, "PYTHONPATH": str(Path(namesrv.__file__).parents[1])},
        text=True,
        timeout=60,
    )
    return set(ran.stdout.split())


@pytest.mark.parametrize("name", namesrv.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(namesrv, name) is not None
    assert name in dir(namesrv)


@pytest.mark.parametrize("name", namesrv.__all__)
def test_changelog_and_page_name_every_public_name(name: str) -> None:
    promised = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("## 0.1.0")[0]
    page = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
    assert f"`{name}`" in promised
    assert re.search(rf"\b{name}\b", page)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'namesrv' has no attribute 'serve'"):
        namesrv.serve  # type: ignore[attr-defined]  # noqa: B018


def test_importing_the_package_loads_nothing_of_it() -> None:
    modules = loaded()
    assert {name for name in modules if name.startswith("namesrv")} == {"namesrv"}
    assert not modules & {"asyncio", "socket", "ssl", "dataclasses"}


def test_options_are_loaded_without_the_server() -> None:
    modules = loaded("Options", "StartFailed")
    assert "namesrv.options" in modules
    assert not {name for name in modules if name.startswith("namesrv.server")}
    assert "asyncio" not in modules

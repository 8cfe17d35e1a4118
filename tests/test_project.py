"""Files of the project against each other: pyproject, CI, Makefile and pages."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILES = (ROOT / "Makefile", ROOT / "bench" / "Makefile")


def make_targets() -> set[str]:
    """The targets that `make help` lists."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in MAKEFILES)
    return set(re.findall(r"(?m)^([a-z-]+):.*## ", text))


def test_classifiers_name_the_versions_that_ci_tests() -> None:
    prefix = "Programming Language :: Python :: 3."
    classified = [
        f"3.{line.removeprefix(prefix)}"
        for line in PROJECT["project"]["classifiers"]
        if line.startswith(prefix)
    ]
    ci = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    (matrix,) = re.findall(r"python: \[(.*)\]", ci)
    assert classified == re.findall(r"3\.\d+", matrix)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_to_a_commit_or_a_full_version(path: Path) -> None:
    used = re.findall(r"uses: (\S+)", path.read_text(encoding="utf-8"))
    assert used
    pinned = re.compile(r"[\w/-]+@([0-9a-f]{40}|v\d+\.\d+\.\d+)")
    assert [action for action in used if not pinned.fullmatch(action)] == []


def test_every_make_target_that_a_page_or_ci_names_exists() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")]
    named = {
        (path.name, target)
        for path in [*pages, *WORKFLOWS, ROOT / ".ci" / "run"]
        for target in re.findall(
            r"(?:`|run: |^|\" \d+ )make ([a-z-]+)", path.read_text(encoding="utf-8")
        )
    }
    assert len(named) > 20
    assert {item for item in named if item[1] not in make_targets()} == set()


def test_compiled_code_uses_no_macros_of_cpython() -> None:
    """The stable ABI, which wheels are built for, has only the functions."""
    macro = re.compile(r"\bPy(?!BUF_)[A-Z][A-Za-z]*_[A-Z][A-Z_]+\b")
    fast = ROOT / "namesrv" / "_fast"
    sources = [*fast.glob("*.pyx"), *fast.glob("*.pxd")]
    assert len(sources) > 20
    found = {
        (path.name, name)
        for path in sources
        for name in macro.findall(path.read_text(encoding="utf-8"))
    }
    assert found == set()

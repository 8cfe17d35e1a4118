"""What README and CHANGELOG say, held against the code."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import namesrv
from namesrv.options import OPTIONS, value_text

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def between(start: str, end: str) -> str:
    _, _, rest = README.partition(start)
    region, found, _ = rest.partition(end)
    assert found, f"README.md has no {start} ... {end}"
    return region.strip()


def test_option_table_is_what_make_options_prints() -> None:
    script = ROOT / "docs" / "option_table.py"
    printed = subprocess.run(
        [sys.executable, script], check=True, capture_output=True, text=True
    )
    assert between("<!-- make options -->", "<!-- end -->") == printed.stdout.strip()


def test_option_table_names_every_option_with_its_default() -> None:
    rows = dict(re.findall(r"(?m)^\| `(\w+)` \| (?:`(.*?)`|not set) \|", README))
    assert rows == {
        option.name: "" if option.default is None else value_text(option.default)
        for option in OPTIONS
    }


def test_dependency_table_gives_a_reason_for_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[^\w-]", line)[0] for line in project["dependencies"]}
    table = between("## Dependencies", "\n## ")
    assert names <= set(re.findall(r"[\w-]+", table))


def test_changelog_has_a_section_for_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"(?m)^## {re.escape(namesrv.__version__)}\b", changelog)


def test_links_to_files_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    missing = [
        (page.name, target)
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert missing == []

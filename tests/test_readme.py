"""README, CHANGELOG and the page of options, compared with the code."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import namesrv
from namesrv.cli import demo_broker
from namesrv.option import value_text
from namesrv.options import OPTIONS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
OPTIONS_PAGE = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def between(page: str, start: str, end: str) -> str:
    """The text between two marks of a page."""
    _, _, rest = page.partition(start)
    region, found, _ = rest.partition(end)
    assert found, f"the page has no {start} ... {end}"
    return region.strip()


def test_option_table_is_what_make_options_prints() -> None:
    script = ROOT / "docs" / "option_table.py"
    printed = subprocess.run(
        [sys.executable, script], check=True, capture_output=True, text=True
    )
    table = between(OPTIONS_PAGE, "<!-- make options -->", "<!-- end -->")
    assert table == printed.stdout.strip()


def test_option_table_names_every_option_with_its_default() -> None:
    rows = dict(re.findall(r"(?m)^\| `(\w+)` \| (?:`(.*?)`|not set) \|", OPTIONS_PAGE))
    assert rows == {
        option.name: "" if option.default is None else value_text(option.default)
        for option in OPTIONS
    }


def test_dependency_table_gives_a_reason_for_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[^\w-]", line)[0] for line in project["dependencies"]}
    table = between(ARCHITECTURE, "## Dependencies", "\n## ")
    assert names <= set(re.findall(r"[\w-]+", table))


def test_changelog_has_a_section_for_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"(?m)^## {re.escape(namesrv.__version__)}\b", changelog)


def anchors(page: Path) -> set[str]:
    """Of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"(?m)^#+ (.*)$", page.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in headings
    }


def test_links_lead_to_files_and_headings() -> None:
    folders = (ROOT / "docs", ROOT / "tests", ROOT / "bench", ROOT / "wheels")
    pages = [*ROOT.glob("*.md"), *(p for f in folders for p in f.rglob("*.md"))]
    missing = []
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for target, anchor in re.findall(r"\]\(([^)#:]+)(?:#([^)]*))?\)", text):
            path = page.parent / target
            if not path.exists() or (anchor and anchor not in anchors(path)):
                missing.append((page.name, target, anchor))
    assert missing == []


def test_readme_links_each_page_once_below_more() -> None:
    rows = re.findall(
        r"(?m)^\| (\w+) \| (.*) \|$", between(README, "## More", "\nThe ")
    )
    assert len(rows) > 3
    assert len({label for label, _ in rows}) == len(rows)
    links = re.findall(r"\]\((.*?)\)", " ".join(row for _, row in rows))
    assert len(set(links)) == len(links)


def test_readme_fits_on_one_page() -> None:
    assert len(README.encode()) <= 6 * 1024


def test_ci_runs_the_test_command_of_the_readme() -> None:
    (command,) = re.findall(r"The test command is `(.*?)`", README)
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(rf" {command}(?: [A-Z]+=\w+)*\n", script)


def test_first_session_shows_what_the_demo_broker_prints() -> None:
    session = (ROOT / "docs" / "first-session.md").read_text(encoding="utf-8")
    topics = ", ".join(demo_broker.TOPICS)
    broker = demo_broker.BROKER
    assert f"registered {broker.name} at 127.0.0.1:9876; topics: {topics}" in session
    assert f'"{broker.id}": "{broker.addr}"' in session

"""What the code says about the documentation: pages and sections that exist."""

import re
from collections import Counter
from pathlib import Path
from pkgutil import resolve_name

ROOT = Path(__file__).parent.parent
SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "namesrv").rglob("*.py"))
}
FLOORS = ("wire", "routing", "server", "client", "admin", "cli")
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
NUMBERS = r"[0-9]+(?:\.[0-9]+)*(?:(?:, | and |,? or |-)[0-9]+(?:\.[0-9]+)*)*"


CHAPTERS = {
    path.stem: path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "docs" / "protocol").glob("*.md"))
}
NUMBERED_POINTS = {"0-common-beliefs": "0", "9-differences": "9"}
"""Chapters whose list items are sections: 9.1, 9.2 ..."""


def sections_of_protocol() -> list[str]:
    """Numbers of all headings and of all numbered points, in the order of the pages."""
    found = []
    for page, text in CHAPTERS.items():
        for heading in re.findall(r"(?m)^#+ .*", text):
            found += re.findall(r"(?:^#+|/) ([0-9]+(?:\.[0-9]+)*)", heading)
        if chapter := NUMBERED_POINTS.get(page):
            points = re.findall(r"(?m)^([0-9]+)\. ", text)
            found += [f"{chapter}.{point}" for point in points]
    return found


def test_every_section_of_the_protocol_exists_once() -> None:
    counted = Counter(sections_of_protocol())
    assert {number for number, count in counted.items() if count > 1} == set()
    assert {"0", "2.5.3", "2.9", "2.10", "9.15", "10"} <= set(counted)


def test_every_section_stands_in_its_chapter_and_the_index_links_each_page() -> None:
    index = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    for page, text in CHAPTERS.items():
        assert f"](protocol/{page}.md)" in index
        chapter, _, _ = page.partition("-")
        headings = re.findall(r"(?m)^#+ ([0-9]+)\.", text)
        assert set(headings) <= {chapter}


def test_every_page_that_the_code_names_exists() -> None:
    missing = [
        (name, page)
        for name, source in SOURCES.items()
        for page in re.findall(r"[\w/-]+\.md\b", source)
        if not any((ROOT / folder / page).exists() for folder in ("", "docs"))
    ]
    assert missing == []


def test_every_section_that_the_code_names_exists() -> None:
    known = set(sections_of_protocol())
    missing = [
        (name, number)
        for name, source in SOURCES.items()
        for numbers in re.findall(
            rf"\b(?:sections?|chapter|protocol\.md,?)\s+({NUMBERS})", source
        )
        for number in re.findall(r"[0-9]+(?:\.[0-9]+)*", numbers)
        if number not in known
    ]
    assert missing == []


def test_architecture_lists_every_file_of_the_large_floors_once() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(
        rf"(?m)^\| `((?:{'|'.join(FLOORS)})/[\w/]*)` \|.*\| (.*) \|$", text
    )
    listed = [
        f"namesrv/{room}{name}.py"
        for room, names in rows
        for name in re.findall(r"`(\w+)`", names)
    ]
    floors = tuple(f"namesrv/{floor}/" for floor in FLOORS)
    stands = [name for name in SOURCES if name.startswith(floors)]
    assert sorted(listed) == sorted(n for n in stands if "__init__" not in n)


def test_every_breakpoint_of_the_debugging_page_exists() -> None:
    page = (ROOT / "docs" / "debugging.md").read_text(encoding="utf-8")
    names = re.findall(r"(?m)^b (namesrv\S+)$", page)
    assert len(names) == 5
    for name in names:
        assert callable(resolve_name(name))


def test_every_file_that_a_page_names_exists() -> None:
    rooms = "tests|bench|docs|namesrv|testing|_pure|_fast|" + "|".join(FLOORS)
    named = rf"`((?:{rooms})/[\w/.-]+)`"
    missing = [
        (page.name, name)
        for page in PAGES
        for name in re.findall(named, page.read_text(encoding="utf-8"))
        if not any((ROOT / folder / name).exists() for folder in ("", "namesrv"))
    ]
    assert missing == []


def test_every_test_that_a_promise_names_exists() -> None:
    page = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
    names = set(re.findall(r"\btest_\w+\.py", page))
    stand = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert names
    assert names <= stand


def test_every_chapter_that_the_code_names_exists() -> None:
    """As in `docs/architecture.md, "Memory"`."""
    missing = [
        (name, page, chapter)
        for name, source in SOURCES.items()
        for page, chapter in re.findall(r'(\S+\.md),\s+"([^"]+)"', source)
        if not has_chapter(ROOT / page.lstrip("("), chapter)
    ]
    assert missing == []


def has_chapter(page: Path, chapter: str) -> bool:
    """Whether the page has a heading with this text."""
    return bool(
        re.search(rf"(?m)^#+ {re.escape(chapter)}$", page.read_text(encoding="utf-8"))
    )


def test_every_log_event_that_the_protocol_names_exists() -> None:
    _, _, events = CHAPTERS["4-start-up"].partition("\nnamesrv logs an event once")
    spans = re.findall(r"`([^`]+)`", re.sub(r"\s+", " ", events))
    named = [span for span in spans if " " in span]
    code = "\n".join(re.sub(r'"\s+f?"', "", source) for source in SOURCES.values())
    assert len(named) > 20
    assert [event for event in named if not is_logged(event, code)] == []


def is_logged(event: str, code: str) -> bool:
    """Whether the code has the event as a text, or all but its last word."""
    start, _, _ = event.rpartition(" ")
    return f'"{event}' in code or f'"{start} {{' in code


def test_every_test_that_a_page_names_exists() -> None:
    functions = {
        (path.stem, name)
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(
            r"(?m)^ *def (test_\w+)", path.read_text(encoding="utf-8")
        )
    }
    named = {
        pair
        for page in (ROOT / "tests").rglob("README.md")
        for pair in re.findall(r"`(test_\w+)::(test_\w+)", page.read_text("utf-8"))
    }
    assert named
    assert named <= functions, named - functions


def test_every_row_of_a_table_of_architecture_has_its_own_subject() -> None:
    """Two rows about one thing would give two limits."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for table in re.findall(r"(?m)(?:^\|.*\n)+", text):
        subjects = Counter(row.split(" | ")[0] for row in table.splitlines())
        assert [subject for subject, count in subjects.items() if count > 1] == []

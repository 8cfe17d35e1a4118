"""What the code says about the documentation: pages and sections that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "namesrv").rglob("*.py"))
}
NUMBERS = r"[0-9]+(?:\.[0-9]+)*(?:(?:, | and |,? or |-)[0-9]+(?:\.[0-9]+)*)*"


def sections_of_protocol() -> set[str]:
    """Numbers of all headings, and 9.1, 9.2 ... for the points of chapter 9."""
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    headings = re.findall(r"(?m)^#+ .*", text)
    found = {
        number
        for heading in headings
        for number in re.findall(r"(?:^#+|/) ([0-9]+(?:\.[0-9]+)*)", heading)
    }
    for chapter in ("0", "9"):
        _, _, rest = text.partition(f"\n## {chapter}.")
        points = re.findall(r"(?m)^([0-9]+)\. ", rest.partition("\n---\n")[0])
        found |= {f"{chapter}.{point}" for point in points}
    return found


def test_every_page_that_the_code_names_exists() -> None:
    missing = [
        (name, page)
        for name, source in SOURCES.items()
        for page in re.findall(r"[\w/-]+\.md\b", source)
        if not any((ROOT / folder / page).exists() for folder in ("", "docs"))
    ]
    assert missing == []


def test_every_section_that_the_code_names_exists() -> None:
    known = sections_of_protocol()
    missing = [
        (name, number)
        for name, source in SOURCES.items()
        for numbers in re.findall(rf"\bsections?\s+({NUMBERS})", source)
        for number in re.findall(r"[0-9]+(?:\.[0-9]+)*", numbers)
        if number not in known
    ]
    assert missing == []


def test_architecture_lists_every_file_of_the_large_floors_once() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"(?m)^\| `((?:wire|routing|server)/[\w/]*)` \|.*\| (.*) \|$", text
    )
    listed = [
        f"namesrv/{room}{name}.py"
        for room, names in rows
        for name in re.findall(r"`(\w+)`", names)
    ]
    floors = tuple(f"namesrv/{floor}/" for floor in ("wire", "routing", "server"))
    stands = [name for name in SOURCES if name.startswith(floors)]
    assert sorted(listed) == sorted(n for n in stands if "__init__" not in n)

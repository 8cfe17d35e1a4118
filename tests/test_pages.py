"""Plain English in the pages: no private phrases (CONTRIBUTING.md, "Plain English")."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GENERATED = {"RESULTS.md", "STALLS.md"}
FOLDERS = (".", "docs", "docs/protocol", "bench", "wheels", "tests")
PAGES = sorted(
    path
    for folder in FOLDERS
    for path in (ROOT / folder).glob("**/*.md" if folder == "tests" else "*.md")
    if path.name not in GENERATED
)
PHRASES = {
    "what": r"\bwhat\b(?![^.?!\n]*\?)",
    "told": r"\b(?:told|tells?|telling|said|says?|saying)\b",
    "who": r"\bwhoever\b|\b(?:those|somebody|anybody|nobody) who\b|(?:^|[.:;] )who\b",
    "look at": r"\blook(?:s|ed|ing)? at\b",
}
LIMITS = {"what": 5, "told": 5, "who": 1, "look at": 1}
"""For all pages together."""


def prose(text: str) -> str:
    """The text without code, quotations, and tables of old phrases."""
    text = re.sub(r"(?ms)^ *```.*?^ *```$", "", text)
    text = re.sub(
        r"(?ms)^\| (?:old \| new|instead of \| write) \|$.*?(?:\n\n|\Z)", "", text
    )
    return re.sub(r"`[^`\n]*`|\"[^\"\n]*\"", "", text)


def phrases(text: str) -> Counter[str]:
    """How often each kind of phrase stands in a text."""
    found = prose(text).lower()
    return Counter(
        {
            name: len(re.findall(pattern, found, re.MULTILINE))
            for name, pattern in PHRASES.items()
        }
    )


def test_pages_keep_to_plain_english() -> None:
    total: Counter[str] = Counter()
    pages: dict[str, Counter[str]] = {}
    for path in PAGES:
        counted = phrases(path.read_text(encoding="utf-8"))
        total += counted
        pages[path.relative_to(ROOT).as_posix()] = +counted
    too_many = {name for name, limit in LIMITS.items() if total[name] > limit}
    assert too_many == set(), {
        page: counted for page, counted in pages.items() if too_many & set(counted)
    }


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("It drops what came late.", "what"),
        ("The peer is told.", "told"),
        ("The log says so.", "told"),
        ("Whoever reads it waits.", "who"),
        ("Nothing changes. Who asks again gets it.", "who"),
        ("Holders are not looked at.", "look at"),
    ],
)
def test_a_private_phrase_is_counted(text: str, kind: str) -> None:
    assert phrases(text) == Counter({kind: 1})


@pytest.mark.parametrize(
    "text",
    [
        "The peer that asks gets an answer.",
        "`what` is code.",
        'A log line of ours: "what was said".',
        "What does the server do with it?",
        "```\nwhat is said\n```",
        "| old | new |\n|---|---|\n| what was said | reported |\n",
    ],
)
def test_plain_text_code_and_quotations_are_not_counted(text: str) -> None:
    assert +phrases(text) == Counter()

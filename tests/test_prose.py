"""The prose of the code is plain English: four habits are counted, with limits.

Prose is the text of docstrings (strings that are statements) and of comments in
`namesrv/`, Python and Cython; code in backticks is left out. The habits:

* what: the word in a sentence that is no question ("what a peer sent"). The plain word
  is a noun: "the bytes of a peer", "the result", "the reason".
* told: tell, say and their forms. Code reports, logs, returns, names.
* who: "whoever", and sentences that begin with "Who" and are no question.
* begins: comments that begin in the middle of a thought ("Or ...", "Not ...").

`ALLOWED` has the limits of each room, which is the folder of a file, or `ground` for
the modules beside the folders; a room without a row has none of these habits. Limits
only shrink: a change that removes some lowers them in the same commit.
"""

import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parent.parent / "namesrv"
FILES = [path for kind in ("py", "pyx", "pxd") for path in PACKAGE.rglob(f"*.{kind}")]

SENTENCE = re.compile(r"(?:[^.?!:;]|\.(?=\S))+[.?!:;]?")
CODE = re.compile(r"``?[^`]*``?")
TOLD = re.compile(r"(?i)\b(?:tells?|telling|told|says?|saying|said)\b")
WHAT = re.compile(r"(?i)\bwhat\b")
WHO = re.compile(r"^Who\b|(?i:\bwhoever\b)")
MIDDLE = re.compile(r"(?:And|Because|Before|But|Nor|Not|Or|So|Than|Which)\b")
LAYOUT = {tokenize.NL, tokenize.COMMENT}
STARTS = {tokenize.ENCODING, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


class Counts(NamedTuple):
    """How often each habit occurs, or may occur."""

    what: int = 0
    told: int = 0
    who: int = 0
    begins: int = 0


ALLOWED: dict[str, Counts] = {}


class Prose(NamedTuple):
    """A docstring, or comments on lines that follow each other."""

    line: int
    text: str
    is_comment: bool = False


def habits(prose: Prose) -> Iterator[str]:
    """The names of the habits of `prose`, each as often as it occurs."""
    text = " ".join(CODE.sub("code", prose.text).split())
    for match in SENTENCE.finditer(text):
        sentence = match[0].strip()
        yield from ["told"] * len(TOLD.findall(sentence))
        if not sentence.endswith("?"):
            yield from ["what"] * len(WHAT.findall(sentence))
            yield from ["who"] * len(WHO.findall(sentence))
    if prose.is_comment and MIDDLE.match(text):
        yield "begins"


def prose_of(path: Path) -> Iterator[Prose]:
    """All docstrings and comments of a file."""
    with path.open("rb") as file:
        tokens = list(tokenize.tokenize(file.readline))
    block: list[str] = []
    last = 0
    before = tokenize.ENCODING
    for token in tokens:
        line = token.start[0]
        if token.type == tokenize.COMMENT:
            if block and line != last + 1:
                yield Prose(last, " ".join(block), is_comment=True)
                block = []
            block.append(token.string.lstrip("# "))
            last = line
        elif token.type == tokenize.STRING and before in STARTS:
            yield Prose(line, token.string.strip('"'))
        if token.type not in LAYOUT:
            before = token.type
    if block:
        yield Prose(last, " ".join(block), is_comment=True)


def room_of(path: Path) -> str:
    folder = path.parent.relative_to(PACKAGE).as_posix()
    return "ground" if folder == "." else folder


def counts() -> dict[str, Counts]:
    """The counts of each room that has any."""
    rooms: dict[str, Counter[str]] = {}
    for path in FILES:
        for prose in prose_of(path):
            rooms.setdefault(room_of(path), Counter()).update(habits(prose))
    return {room: Counts(**found) for room, found in rooms.items() if found.total()}


def limits(room: str) -> Counts:
    return ALLOWED.get(room, Counts())


def test_no_room_exceeds_its_limits() -> None:
    beyond = {
        room: found
        for room, found in counts().items()
        if any(n > limit for n, limit in zip(found, limits(room), strict=True))
    }
    assert beyond == {}


@pytest.mark.parametrize(
    ("prose", "expected"),
    [
        (Prose(1, "Keeps what a peer sent. What is it? It says so."), ["told", "what"]),
        (Prose(1, "Calls `say` with `what`, whatever the time."), []),
        (Prose(1, "Who reads this waits: whoever it is. Who is it?"), ["who", "who"]),
        (Prose(1, "Or it would fail.", is_comment=True), ["begins"]),
        (Prose(1, "Or it would fail."), []),
        (Prose(1, "Nothing is wrong with v1.2 of this.", is_comment=True), []),
    ],
)
def test_habits_of_a_text_are_counted(prose: Prose, expected: list[str]) -> None:
    assert sorted(habits(prose)) == expected


def test_docstrings_and_comments_of_a_file_are_found(tmp_path: Path) -> None:
    path = tmp_path / "module.pyx"
    path.write_text(
        '"""Head."""\nSIZE = 1\n"""Of a thing."""\nx = "no prose"\n# One\n# comment.\n'
        'cdef f():\n    """Body."""\n    return 1  # trailing\n'
    )
    assert sorted(prose.text for prose in prose_of(path)) == [
        "Body.",
        "Head.",
        "Of a thing.",
        "One comment.",
        "trailing",
    ]

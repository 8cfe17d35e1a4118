"""Names that are similar to one that does not exist."""

from collections.abc import Sequence
from typing import Final

from namesrv.cli.printing import shown
from namesrv.misspellings import similar_names

_MOST_COMPARED: Final = 2000
_SHORTEST_PART: Final = 3


def hint(name: str, known: Sequence[str]) -> str:
    """The end of a sentence: up to three known names that are similar; or nothing."""
    found = map(shown, similar(name, known))
    names = ", ".join(found)
    return f"; similar: {names}" if names else ""


def similar(name: str, known: Sequence[str]) -> list[str]:
    """Up to three known names that are similar."""
    folded = name.casefold()
    found = [one for one in known if one.casefold() == folded]
    if len(name) >= _SHORTEST_PART:
        found += [one for one in known if folded in one.casefold()][:3]
    # A comparison takes longer than a search, and a server may have 100,000 names.
    first = name[:1].casefold()
    near = [
        one
        for one in known
        if abs(len(one) - len(name)) <= 2 and one[:1].casefold() == first
    ]
    found += similar_names(name, near[:_MOST_COMPARED], 3)
    return list(dict.fromkeys(found))[:3]

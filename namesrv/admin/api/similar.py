"""Names that are nearly the one that was asked for."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from heapq import nlargest
from typing import Final

from namesrv.routing.tables.ordered_texts import OrderedTexts
from namesrv.work import Steps, batches

MOST_COMPARED: Final = 1000
"""Names of a large table that are compared: the neighbours in order."""
_MOST_SIMILAR: Final = 3
_LONGEST: Final = 256
_UNITS: Final = 25
"""Of a comparison of two names of 30 characters."""
_CUTOFF: Final = 0.7


def similar_to(word: str, names: Sequence[str]) -> Steps[list[str]]:
    """The names that are most like a word, the best first."""
    if len(word) > _LONGEST:
        return []
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(word.lower())
    found: list[tuple[float, str]] = []
    units = _UNITS * (1 + len(word) // 32)
    for some in batches(names, units):
        for name in some:
            ratio = _ratio(matcher, name)
            if ratio >= _CUTOFF:
                found.append((ratio, name))
        yield len(some) * units
    return [name for _, name in nlargest(_MOST_SIMILAR, found)]


def _ratio(matcher: SequenceMatcher[str], name: str) -> float:
    """How alike they are, from 0 to 1; 0 if less than the cutoff."""
    if len(name) > _LONGEST:
        return 0.0
    matcher.set_seq1(name.lower())
    for ratio in (matcher.real_quick_ratio, matcher.quick_ratio):
        if ratio() < _CUTOFF:
            return 0.0
    return matcher.ratio()


def similar_in(word: str, texts: OrderedTexts) -> Steps[list[str]]:
    """As `similar_to`, among the names of a table around the word's place in it."""
    half = MOST_COMPARED // 2
    names = texts.preceding(word, half) + texts.following(word, half)
    return (yield from similar_to(word, names))

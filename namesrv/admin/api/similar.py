"""Names that are nearly the one that was asked for.

A peer chooses the name and may have registered the others, so that each comparison is
linear, and their number is small: one change of the name is found by looking each
possible result up, others among the neighbours in order.
"""

from collections.abc import Container, Iterator, Sequence
from heapq import nlargest
from itertools import islice
from typing import Final

from namesrv.routing.tables.ordered_texts import OrderedTexts
from namesrv.work import Steps, batches

MOST_COMPARED: Final = 128
"""Names of a large table that are compared: the neighbours in order."""
_MOST_SIMILAR: Final = 3
_LONGEST: Final = 64
"""Only so many characters of a name count."""
_LONGEST_CHANGED: Final = 32
"""Names up to this length are changed, to find the intended one."""
_UNITS: Final = 8
"""Of a comparison of two of the longest names."""
_LOOKUPS_OF_A_UNIT: Final = 6
_CUTOFF: Final = 0.7
_CHARACTERS: Final = (
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-%."
)


def similar_to(word: str, names: Sequence[str]) -> Steps[list[str]]:
    """The names that are most like a word, the best first."""
    found: list[tuple[float, str]] = []
    wanted = word[:_LONGEST].lower()
    for some in batches(names, _UNITS):
        for name in some:
            ratio = _ratio(wanted, name[:_LONGEST].lower())
            if ratio >= _CUTOFF:
                found.append((ratio, name))
        yield len(some) * _UNITS
    return [name for _, name in nlargest(_MOST_SIMILAR, found)]


def similar_in(
    word: str, texts: OrderedTexts, known: Container[str]
) -> Steps[list[str]]:
    """As `similar_to`, among the names of a table: those that one change of the word
    makes, and its neighbours. `texts` has them in order, `known` finds each."""
    meant: list[str] = []
    if len(word) <= _LONGEST_CHANGED:
        changed = _changed_by_one(word)
        while some := list(islice(changed, 500)):
            meant += [name for name in some if name in known]
            yield len(some) // _LOOKUPS_OF_A_UNIT
    half = MOST_COMPARED // 2
    names = texts.preceding(word, half) + texts.following(word, half)
    near = yield from similar_to(word, names)
    return list(dict.fromkeys([*meant, *near]))[:_MOST_SIMILAR]


def _ratio(one: str, other: str) -> float:
    """The share of the characters of both, from 0 to 1, that are in their common
    beginning and end: names that differ in one place have a high one."""
    shortest = min(len(one), len(other))
    begin = 0
    while begin < shortest and one[begin] == other[begin]:
        begin += 1
    end = 0
    while end < shortest - begin and one[-1 - end] == other[-1 - end]:
        end += 1
    return 2 * (begin + end) / (len(one) + len(other) or 1)


def _changed_by_one(word: str) -> Iterator[str]:
    """Every name that one character more, less, in another place or exchanged makes."""
    for place in range(len(word) + 1):
        before, after = word[:place], word[place:]
        if after:
            yield before + after[1:]
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]
        for character in _CHARACTERS:
            yield before + character + after
            yield before + character + after[1:]

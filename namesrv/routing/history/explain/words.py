"""Words of the sentences: names, ages, and commands that a shell reads as meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST: Final = 100
_MOST_NAMED: Final = 3
_PLAIN: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+=,"
)
_SECOND: Final = 1000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


def shown(name: str) -> str:
    """A name in quotes; a long one is cut, and control characters are escaped."""
    cut = name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..."
    return repr(cut)


def bare(text: str) -> str:
    """A text of a peer without quotes, as `shown` has it."""
    return shown(text)[1:-1]


def duration(millis: int) -> str:
    """A length of time in words, rounded down."""
    millis = max(millis, 0)
    if millis < 2 * _MINUTE:
        return f"{millis // _SECOND} s"
    if millis < 2 * _HOUR:
        return f"{millis // _MINUTE} min"
    if millis < 2 * _DAY:
        return f"{millis // _HOUR} h"
    return f"{millis // _DAY} days"


def listed(items: Sequence[str]) -> str:
    """Some items of a list: `a, b, c and 4 more`."""
    named = ", ".join(items[:_MOST_NAMED])
    rest = len(items) - _MOST_NAMED
    return named if rest <= 0 else f"{named} and {rest} more"


def counted(count: int, noun: str) -> str:
    """A number of things: `1 broker`, `2 brokers`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def command(*words: str) -> str:
    """A command for a shell; words that a shell would change are in quotes."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    if word and _PLAIN.issuperset(word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"

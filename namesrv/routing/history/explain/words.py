"""Words of the sentences: names, ages, and commands that a shell reads as meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST: Final = 100
_LONGEST_WORD: Final = 255
"""Characters; a longer name may have been cut already (`refusals`)."""
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
    """A command for a shell; words that a shell would change are in quotes. It is empty
    if a word is too long for a line: a name that is cut would be another one."""
    if any(len(word) > _LONGEST_WORD for word in words):
        return ""
    return " ".join(map(_quoted, words))


def argument(name: str) -> tuple[str, ...]:
    """The last words of a command of namesrv: a name, which may begin with a hyphen."""
    return ("--", name) if name.startswith("-") else (name,)


def option(flag: str, name: str) -> tuple[str, ...]:
    """A flag of namesrv with a name, which may begin with a hyphen."""
    return (f"{flag}={name}",) if name.startswith("-") else (flag, name)


def mqadmin(action: str, **values: str) -> str:
    """A command of mqadmin with its flags of one letter. It is empty if a name begins
    with a hyphen, which mqadmin would take for a flag."""
    if any(value.startswith("-") for value in values.values()):
        return ""
    words = [word for flag, value in values.items() for word in (f"-{flag}", value)]
    return command("mqadmin", action, *words)


def _quoted(word: str) -> str:
    if word and _PLAIN.issuperset(word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"

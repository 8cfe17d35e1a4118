"""A command of the table: its words, arguments, flags and help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

ONE: Final = "1"
OPTIONAL: Final = "?"
MANY: Final = "+"
ANY: Final = "*"


class Argument:
    """A word behind the command; `count` is one of ONE, OPTIONAL, MANY and ANY.

    `choices` are the words it may be, if they are few.
    """

    __slots__ = ("choices", "count", "name")

    def __init__(self, name: str, count: str = ONE, choices: str = "") -> None:
        self.name = name
        self.count = count
        self.choices = tuple(choices.split())

    @property
    def usage(self) -> str:
        """As the help shows it."""
        return {
            ONE: self.name,
            OPTIONAL: f"[{self.name}]",
            MANY: f"{self.name}...",
            ANY: f"[{self.name}...]",
        }[self.count]


class Flag:
    """A flag with its value; the first of its names is the one in the help.

    A flag without `value` takes none; with `may_stand_alone` its value may be missing.
    """

    __slots__ = ("is_file", "may_stand_alone", "meaning", "names", "value")

    def __init__(
        self,
        names: str,
        value: str,
        meaning: str,
        *,
        may_stand_alone: bool = False,
    ) -> None:
        self.names = tuple(names.split())
        self.value = value
        self.meaning = meaning
        self.may_stand_alone = may_stand_alone
        self.is_file = value == "FILE"

    @property
    def name(self) -> str:
        """The long name."""
        return self.names[-1] if len(self.names) < 3 else self.names[1]

    @property
    def key(self) -> str:
        """The long name without hyphens."""
        return self.name.lstrip("-")

    @property
    def usage(self) -> str:
        """As the help shows it: `-n, --namesrv-addr LIST`."""
        names = ", ".join(self.names[:2])
        if not self.value:
            return names
        return (
            f"{names} [{self.value}]"
            if self.may_stand_alone
            else f"{names} {self.value}"
        )


class Command:
    """One command. `handler` is `module:function` in this folder; empty for `serve`
    and `demo-broker`, which read their words themselves."""

    __slots__ = ("arguments", "details", "flags", "handler", "summary", "words")

    def __init__(
        self,
        words: str,
        arguments: Sequence[Argument],
        flags: Sequence[Flag],
        summary: str,
        details: str = "",
        handler: str = "",
    ) -> None:
        self.words = tuple(words.split())
        self.arguments = tuple(arguments)
        self.flags = tuple(flags)
        self.summary = summary
        self.details = details
        self.handler = handler

    @property
    def name(self) -> str:
        """Its words: `topic list`."""
        return " ".join(self.words)

    @property
    def usage(self) -> str:
        """Its words and arguments: `topic show TOPIC`."""
        return " ".join([*self.words, *(one.usage for one in self.arguments)])

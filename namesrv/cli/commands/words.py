"""The words of a command, read against the table of commands."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from namesrv.cli.commands.command import ANY, MANY, ONE, Command, Flag
from namesrv.cli.commands.leading import ADDRESSES, words_before
from namesrv.cli.commands.table import BY_WORDS, GROUPS
from namesrv.errors import OptionsInvalid
from namesrv.misspellings import similar_names

if TYPE_CHECKING:
    from namesrv.client.nameservers import NameServers


class Call:
    """A command with its arguments, and its flags by their names without hyphens.

    `opened` has the servers that it asks.
    """

    __slots__ = ("arguments", "command", "flags", "opened")

    def __init__(self, command: Command) -> None:
        self.command = command
        self.arguments: list[str] = []
        self.flags: dict[str, str] = {}
        self.opened: list[NameServers] = []

    def has(self, flag: str) -> bool:
        """Whether a flag is given: `json`, `tls-ca`."""
        return flag in self.flags

    def close(self) -> None:
        """Close the connections that its handler has opened."""
        while self.opened:
            self.opened.pop().close()

    def flag(self, name: str) -> str | None:
        """The value of a flag; None if it is not given."""
        return self.flags.get(name)


def command_words(given: Sequence[str]) -> tuple[str, ...]:
    """The words of the command, or the first word of several commands.

    Raises OptionsInvalid if there is none.
    """
    rest = tuple(given[words_before(given) :])
    if len(rest) == 1 and rest[0] in GROUPS:
        return rest
    return _command(rest)[0].words


def read_call(given: Sequence[str]) -> Call:
    """Read the words of a command. Raises OptionsInvalid with all their mistakes."""
    at = words_before(given)
    command, count = _command(given[at:])
    reader = _Reader(command, [*given[:at], *given[at + count :]])
    return reader.read()


def _command(words: Sequence[str]) -> tuple[Command, int]:
    """The command at the beginning, and the number of its words."""
    for count in (2, 1):
        command = BY_WORDS.get(tuple(words[:count]))
        if command is not None:
            return command, count
    first, second = (words or [""])[0], words[1:2]
    if first not in GROUPS:
        raise OptionsInvalid([f"there is no command {first!r}{_near(first, GROUPS)}"])
    names = [command.words[1] for command in GROUPS[first]]
    if not second or second[0].startswith("-"):
        raise OptionsInvalid([f"{first} needs one of these words: {', '.join(names)}"])
    raise OptionsInvalid(
        [f"there is no command '{first} {second[0]}'; expected {_or(names, first)}"]
    )


def _or(names: Sequence[str], first: str) -> str:
    return f"{first} " + ", ".join(names[:-1]) + f" or {names[-1]}"


class _Reader:
    """Reads one word at a time."""

    def __init__(self, command: Command, words: Iterable[str]) -> None:
        self._call = Call(command)
        self._flags = {name: flag for flag in command.flags for name in flag.names}
        self._rest = deque(words)
        self._mistakes: list[str] = []

    def read(self) -> Call:
        while self._rest:
            word = self._rest.popleft()
            if word == "--":
                self._call.arguments += self._rest
                self._rest.clear()
            elif word.startswith("-") and word != "-":
                self._read_flag(word)
            else:
                self._call.arguments.append(word)
        self._check_arguments()
        self._check_texts()
        if self._mistakes:
            raise OptionsInvalid(self._mistakes)
        return self._call

    def _read_flag(self, word: str) -> None:
        name, equals, attached = word.partition("=")
        flag = self._flags.get(name)
        command = self._call.command.name
        if flag is None:
            near = _near(name, self._flags, f"namesrv {command} --help lists them")
            self._mistakes.append(f"{command} has no flag {name!r}{near}")
            return
        value = attached
        if not flag.value and equals:
            self._mistakes.append(
                f"{name} is followed by {attached!r}, expected no value"
            )
        elif flag.value and not equals:
            value = self._value(flag, name)
        if flag.value and self._call.has(flag.key):
            self._mistakes.append(f"{name} is given twice, expected one {_one(flag)}")
        self._call.flags[flag.key] = value

    def _value(self, flag: Flag, name: str) -> str:
        if flag.may_stand_alone:
            is_number = self._rest and self._rest[0][:1].isdecimal()
            return self._rest.popleft() if is_number else ""
        if not self._rest or self._rest[0] in self._flags:
            self._mistakes.append(f"{name} has no value, expected {flag.value}")
            return ""
        return self._rest.popleft()

    def _check_arguments(self) -> None:
        call = self._call
        expected = call.command.arguments
        least = sum(one.count in (ONE, MANY) for one in expected)
        is_open = any(one.count in (MANY, ANY) for one in expected)
        count = len(call.arguments)
        if count < least:
            missing = [one.name for one in expected if one.count in (ONE, MANY)][count:]
            self._mistakes.append(
                f"{call.command.name} needs {' and '.join(missing)}:"
                f" namesrv {call.command.usage}"
            )
        elif count > len(expected) and not is_open:
            extra = call.arguments[len(expected)]
            self._mistakes.append(
                f"{call.command.name} has one word too many, {extra!r}:"
                f" namesrv {call.command.usage}"
            )

    def _check_texts(self) -> None:
        for text in (*self._call.arguments, *self._call.flags.values()):
            if not text.isascii() and "\udc80" <= max(text) <= "\udfff":
                self._mistakes.append(f"{text!r} is not UTF-8")


def _one(flag: Flag) -> str:
    # Only the last of two lists would count, and a change would miss the others.
    return "list such as 'host:port;host:port'" if flag is ADDRESSES else flag.value


def _near(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """The end of a sentence about an unknown word: the known one that is near."""
    near = similar_names(word, known)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; {otherwise or 'namesrv --help lists all commands'}"

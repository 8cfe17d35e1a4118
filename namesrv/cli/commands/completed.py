"""The words that a shell can complete, whichever shell it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from namesrv.cli.commands.command import Command, Flag
from namesrv.cli.commands.table import COMMANDS, GROUPS
from namesrv.option import kebab
from namesrv.options import OPTIONS

TOPICS: Final = "namesrv topic list --timeout 0.5 --prefix"
"""Prints the topics that begin so. It asks the NameServer of NAMESRV_ADDR or of this
machine, half a second at most. Names come from a server: a script never evaluates
them."""
SERVER: Final = "serve"
_TOPIC_NAMES: Final = frozenset(("TOPIC", "NAME"))


def server_flags() -> list[tuple[str, bool, str]]:
    """The flags of the server: name, whether a value follows, meaning."""
    actions = [
        ("-c", True, "read options from a file"),
        ("--check-config", False, "report every mistake in the options"),
        ("--print-config-item", False, "print the value of every option"),
        ("--pure", False, "run without the compiled hot path"),
        ("--version", False, "print the version"),
        ("--help", False, "print help"),
        ("--port", True, "the port"),
        ("--bind", True, "the addresses"),
        ("--record", True, "the directory of the recorder"),
    ]
    options = [
        (f"--{kebab(one.name)}", one.type is not bool, one.meaning) for one in OPTIONS
    ]
    return actions + options


def summaries() -> Iterator[tuple[str, str]]:
    """First words; one that begins several commands is described by their words."""
    for first, commands in GROUPS.items():
        yield first, ", ".join(second_words(commands)) or commands[0].summary


def second_words(commands: list[Command]) -> list[str]:
    """The second words of commands that begin alike; none for a single word."""
    return [one.words[1] for one in commands if one.words[1:]]


def choices(command: Command) -> list[str]:
    """The words that an argument of the command may be, if they are few."""
    return [word for argument in command.arguments for word in argument.choices]


def asks_for_topic(command: Command) -> bool:
    """Whether an argument of the command may be a topic."""
    names = {argument.name for argument in command.arguments}
    return bool(names & _TOPIC_NAMES)


def shown_names(flag: Flag) -> tuple[str, ...]:
    """The names of a flag that are completed."""
    return flag.names[:2]


def flag_names(command: Command) -> list[str]:
    """The names of all flags of a command."""
    return [name for flag in command.flags for name in shown_names(flag)]


def file_flags() -> list[str]:
    """Flags with the name of a file behind them."""
    own = {name for flag in _all_flags() if flag.is_file for name in flag.names}
    return sorted(own | {"--config-file"})


def value_flags() -> list[str]:
    """Flags with a value behind them that no shell can complete."""
    names = {
        name
        for flag in _all_flags()
        if flag.value and not flag.may_stand_alone
        for name in flag.names
    }
    return sorted(names - set(file_flags()))


def _all_flags() -> Iterator[Flag]:
    return (flag for command in COMMANDS for flag in command.flags)

"""The help: an overview of all commands, or one command with its flags."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from namesrv import __version__
from namesrv.cli.commands.command import Command
from namesrv.cli.commands.table import COMMANDS

_WIDEST: Final = 100
_NARROWEST: Final = 60
_LEAST_BESIDE: Final = 24
"""Columns of a meaning beside its flag; with fewer it stands below."""
_VERSION: Final = ("--version", "print version and implementation")
_OVERVIEW: Final = (
    "Without a command it serves on port 9876 of all addresses, and keeps its files in"
    " ~/namesrv. `namesrv serve --help` lists the flags of the server.",
    "The other commands ask any NameServer of RocketMQ 4.9 or 5.x:",
)
_EPILOGUE: Final = (
    "NameServers: -n host:port;host:port, or the variable NAMESRV_ADDR."
    " `namesrv COMMAND --help` lists all flags of a command.",
    "Exit codes: 0 done; 1 refused, or not found; 2 usage error; 3 no NameServer"
    " answers.",
)


def overview(columns: int) -> str:
    """The help of `namesrv --help`."""
    width = _width(columns)
    own = [command for command in COMMANDS if not command.handler]
    lines = [
        f"namesrv {__version__}, a RocketMQ NameServer",
        "",
        "Usage: namesrv [serve] [-c FILE] [--OPTION VALUE]...",
        "       namesrv COMMAND [WORD]... [-n LIST] [--json]",
        "",
        *_filled(_OVERVIEW[0], width),
        "",
        *_entries([*((one.usage, one.summary) for one in own), _VERSION], width),
        "",
        *_filled(_OVERVIEW[1], width),
        "",
    ]
    asking = [command for command in COMMANDS if command.handler]
    lines += _entries([(one.usage, one.summary) for one in asking], width)
    for text in _EPILOGUE:
        lines += ["", *_filled(text, width)]
    return "\n".join(lines)


def help_of(words: Sequence[str], columns: int) -> str:
    """The help of a command, or of all that begin with a word."""
    width = _width(columns)
    commands = [one for one in COMMANDS if one.words[: len(words)] == tuple(words)]
    if len(commands) > 1:
        usages = [(one.usage, one.summary) for one in commands]
        more = f"`namesrv {words[0]} {commands[0].words[1]} --help` lists its flags."
        return "\n".join([*_entries(usages, width), "", more])
    return "\n".join(_lines(commands[0], width))


def _lines(command: Command, width: int) -> Iterator[str]:
    yield f"Usage: namesrv {command.usage} [FLAG]..."
    summary = command.summary[0].upper() + command.summary[1:]
    for text in filter(None, (f"{summary}.", command.details)):
        yield ""
        yield from _filled(text, width)
    if command.flags:
        yield ""
        yield from _entries([(one.usage, one.meaning) for one in command.flags], width)


def _width(columns: int) -> int:
    return max(_NARROWEST, min(columns, _WIDEST))


def _filled(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _entries(pairs: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """Aligned lines of a word or a flag and its meaning."""
    size = min(max(len(name) for name, _ in pairs), width - _LEAST_BESIDE - 4)
    for name, meaning in pairs:
        first, *rest = _filled(meaning, width - size - 4)
        if len(name) > size:
            yield f"  {name}"
            name = ""
        yield f"  {name:{size}}  {first}"
        for line in rest:
            yield " " * (size + 4) + line

"""The completion script for fish."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from namesrv.cli.commands import completed
from namesrv.cli.commands.command import Command, Flag
from namesrv.cli.commands.table import GROUPS

_SEEN: Final = "__fish_seen_subcommand_from"
_COMPLETE: Final = "complete -c namesrv -n"


def script() -> str:
    """The script; fish quotes the names of topics that it inserts."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# fish completion of namesrv: namesrv completion fish | source"
    yield "complete -c namesrv -f"
    none = f'"not {_SEEN} {" ".join(GROUPS)}"'
    for first, summary in completed.summaries():
        yield f"{_COMPLETE} {none} -a {first} -d {_quoted(summary)}"
    for name, value, meaning in completed.server_flags():
        for condition in (none, f'"{_SEEN} {completed.SERVER}"'):
            flag = _name(name) + (" -r -F" if value else "")
            yield f"{_COMPLETE} {condition} {flag} -d {_quoted(meaning)}"
    for first, commands in GROUPS.items():
        yield from _group(first, commands)


def _group(first: str, commands: list[Command]) -> Iterator[str]:
    """The second words behind a first word, and the words behind those."""
    seconds = " ".join(completed.second_words(commands))
    for command in commands:
        condition = f'"{_SEEN} {first}"'
        if command.words[1:]:
            second = command.words[1]
            before = f'"{_SEEN} {first}; and not {_SEEN} {seconds}"'
            yield f"{_COMPLETE} {before} -a {second} -d {_quoted(command.summary)}"
            condition = f'"{_SEEN} {first}; and {_SEEN} {second}"'
        yield from _command(command, condition)


def _command(command: Command, condition: str) -> Iterator[str]:
    words = " ".join(completed.choices(command))
    if words:
        yield f'{_COMPLETE} {condition} -a "{words}"'
    if completed.asks_for_topic(command):
        topics = f'"({completed.TOPICS} (commandline -ct) 2>/dev/null)"'
        yield f"{_COMPLETE} {condition} -a {topics}"
    for flag in command.flags:
        names = " ".join(map(_name, completed.shown_names(flag)))
        meaning = _quoted(flag.meaning)
        yield f"{_COMPLETE} {condition} {names}{_value(flag)} -d {meaning}"


def _value(flag: Flag) -> str:
    if flag.is_file:
        return " -r -F"
    return " -x" if flag.value and not flag.may_stand_alone else ""


def _name(name: str) -> str:
    return f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

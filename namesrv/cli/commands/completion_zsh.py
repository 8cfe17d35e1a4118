"""The completion script for zsh."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from namesrv.cli.commands import completed
from namesrv.cli.commands.command import Command
from namesrv.cli.commands.table import COMMANDS, GROUPS

_SCRIPT: Final = """\
#compdef namesrv
# zsh completion of namesrv: eval "$(namesrv completion zsh)", behind compinit
_namesrv() {{
  local -a found
  local first=${{words[2]}} second=${{words[3]}}
  if (( CURRENT == 2 )) && [[ ${{words[2]}} != -* ]]; then
    found=({first_words})
    _describe command found
    return
  fi
  case "$first $second" in
{commands}
  esac
  case "$first" in
{groups}
    serve) shift words; (( CURRENT-- ))
      _arguments {server} ;;
    -*) _arguments {server} ;;
  esac
}}
# It is a function of this name when zsh loads it from a folder of fpath.
if [[ ${{funcstack[1]}} == _namesrv ]]; then
  _namesrv "$@"
else
  compdef _namesrv namesrv
fi"""
_TOPICS: Final = """\
      if (( CURRENT == 4 )) && [[ ${{words[4]}} != -* ]]; then
        found=("${{(@f)$({topics} "${{words[4]}}" 2>/dev/null)}}")
        compadd -a found
        return
      fi"""


def script() -> str:
    """The script; zsh quotes the names of topics that it inserts."""
    server = [
        _quoted(f"{name}[{_plain(meaning)}]" + (":value:_files" if value else ""))
        for name, value, meaning in completed.server_flags()
    ]
    return _SCRIPT.format(
        first_words=_described(completed.summaries()),
        commands="\n".join(_commands()),
        groups="\n".join(_groups()),
        server=" ".join(server),
    )


def _commands() -> Iterator[str]:
    """A case for each command of two words."""
    for command in COMMANDS:
        if len(command.words) == 2:
            yield f'    "{command.name}")'
            if completed.asks_for_topic(command):
                yield _TOPICS.format(topics=completed.TOPICS)
            yield "      shift 2 words; (( CURRENT -= 2 ))"
            yield f"      _arguments {_flags(command)}; return ;;"


def _groups() -> Iterator[str]:
    """A case for each first word: its second words, or the flags of the command."""
    for first, commands in GROUPS.items():
        if first == completed.SERVER:
            continue
        pairs = [(one.words[1], one.summary) for one in commands if one.words[1:]]
        if pairs:
            yield f"    {first}) found=({_described(pairs)})"
            yield "      (( CURRENT == 3 )) && _describe word found ;;"
        else:
            yield f"    {first}) shift words; (( CURRENT-- ))"
            yield f"      _arguments {_flags(commands[0])} ;;"


def _described(pairs: Iterable[tuple[str, str]]) -> str:
    return " ".join(_quoted(f"{name}:{_plain(text)}") for name, text in pairs)


def _flags(command: Command) -> str:
    """The arguments of `_arguments`: flags, and words that are few."""
    parts = []
    words = " ".join(completed.choices(command))
    if words:
        parts.append(_quoted(f"1:word:({words})"))
    for flag in command.flags:
        action = ""
        if flag.value:
            optional = ":" if flag.may_stand_alone else ""
            action = f"{optional}:{flag.value}:{'_files' if flag.is_file else ' '}"
        for name in completed.shown_names(flag):
            parts.append(_quoted(f"{name}[{_plain(flag.meaning)}]{action}"))
    return " ".join(parts)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _plain(text: str) -> str:
    """A meaning without the characters that zsh gives a meaning."""
    return text.translate(str.maketrans("[]:", "() "))

"""The completion script for bash 3.2 and newer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from namesrv.cli.commands import completed
from namesrv.cli.commands.table import COMMANDS, GROUPS

_TOPICS: Final = """\
# Names come from a server: they are quoted, and never expanded.
_namesrv_topics() {{
  local name
  while IFS= read -r name; do
    printf -v name %q "$name"
    COMPREPLY+=("$name")
  done < <({topics} "$1" 2>/dev/null)
}}
"""
_SCRIPT: Final = """\
# bash completion of namesrv: eval "$(namesrv completion bash)"
{topics}
_namesrv() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}"
  local first="${{COMP_WORDS[1]}}" second="${{COMP_WORDS[2]}}" words=""
  local server="{server}"
  COMPREPLY=()
  case "$before" in
    {file_flags}) COMPREPLY=($(compgen -f -- "$word")); return ;;
    {value_flags}) return ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="{first_words} $server"
  else
    case "$first $second" in
{commands}
      *)
        case "$first" in
{groups}
          -*|serve) words="$server" ;;
        esac ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -F _namesrv namesrv"""


def script() -> str:
    """The script; one word of it evaluates nothing that a server has sent."""
    return _SCRIPT.format(
        topics=_TOPICS.format(topics=completed.TOPICS),
        server=" ".join(name for name, _, _ in completed.server_flags()),
        file_flags="|".join(completed.file_flags()),
        value_flags="|".join(completed.value_flags()),
        first_words=" ".join(GROUPS),
        commands="\n".join(_commands()),
        groups="\n".join(_groups()),
    )


def _commands() -> Iterator[str]:
    """A case for each command of two words."""
    for command in COMMANDS:
        if len(command.words) == 2:
            yield f'      "{command.name}")'
            if completed.asks_for_topic(command):
                yield "        if [[ $COMP_CWORD -eq 3 && $word != -* ]]; then"
                yield '          _namesrv_topics "$word"; return'
                yield "        fi"
            yield f'        words="{" ".join(completed.flag_names(command))}" ;;'


def _groups() -> Iterator[str]:
    """A case for each first word: its second words, or the flags of the command."""
    for first, commands in GROUPS.items():
        if first == completed.SERVER:
            continue
        seconds = completed.second_words(commands)
        words = completed.choices(commands[0]) + completed.flag_names(commands[0])
        test = '[ "$COMP_CWORD" -eq 2 ] && ' if seconds else ""
        yield f'          {first}) {test}words="{" ".join(seconds or words)}" ;;'

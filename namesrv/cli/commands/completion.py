"""`completion`: scripts for bash, zsh and fish, made from the table of commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from namesrv.cli.commands import completion_bash, completion_fish, completion_zsh
from namesrv.cli.commands.result import Result
from namesrv.cli.commands.words import Call
from namesrv.errors import OptionsInvalid

SCRIPTS: Final[dict[str, Callable[[], str]]] = {
    "bash": completion_bash.script,
    "zsh": completion_zsh.script,
    "fish": completion_fish.script,
}


def print_script(call: Call) -> Result:
    """The script for a shell. Raises OptionsInvalid for an unknown shell."""
    shell = call.arguments[0]
    if shell not in SCRIPTS:
        known = ", ".join(SCRIPTS)
        raise OptionsInvalid([f"there is no completion for {shell!r}, only {known}"])
    return Result(None, [SCRIPTS[shell]()])

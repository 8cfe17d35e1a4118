"""Carries out a command: reads its words, calls its handler, prints the result."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from namesrv.cli.commands.leading import HELP, words_before
from namesrv.cli.commands.words import Call, command_words, read_call
from namesrv.cli.printing import complain, say, shown_json

if TYPE_CHECKING:
    from namesrv.cli.commands.result import Result


def run(given: Sequence[str]) -> int:
    """Carry out a command and return its exit code.

    Raises OptionsInvalid, NotFound, RequestRefused and NameServerUnreachable.
    """
    at = words_before(given)
    if given[at : at + 1] == ["demo-broker"]:
        from namesrv.cli import demo_broker  # noqa: PLC0415

        return demo_broker.run([*given[:at], *given[at + 1 :]], say)
    words = [word for word in given if word not in HELP.names]
    if len(words) < len(given) and "--" not in given:
        say(_help(words))
        return 0
    call = read_call(given)
    module, _, function = call.command.handler.partition(":")
    handler = getattr(import_module(f"namesrv.cli.commands.{module}"), function)
    if call.has("watch"):
        from namesrv.cli.commands.repeat import repeat  # noqa: PLC0415

        return repeat(call, handler, show)
    try:
        result: Result = handler(call)
        show(call, result)
    finally:
        call.close()
    return result.exit_code


def _help(words: Sequence[str]) -> str:
    import shutil  # noqa: PLC0415

    from namesrv.cli.commands.help import help_of, overview  # noqa: PLC0415

    columns = shutil.get_terminal_size().columns
    return help_of(command_words(words), columns) if words else overview(columns)


def show(call: Call, result: Result) -> bool:
    """Print a result; False if standard output is closed."""
    for sentence in result.complaints:
        complain(sentence)
    if call.has("json") and result.value is not None:
        return say(shown_json(result.json(is_line=call.has("watch"))))
    text = result.text(terminal_width())
    return say(text) if text else True


def terminal_width() -> int | None:
    """The columns of the terminal on standard output; None if it is no terminal."""
    if not sys.stdout.isatty():
        return None
    import shutil  # noqa: PLC0415

    return shutil.get_terminal_size().columns

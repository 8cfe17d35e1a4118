"""The command that serves, and its actions that end: help, check, print, version.

Java's flags `-c -p -n -h` work (protocol.md section 4.1). Heavy imports wait until an
action needs them.
"""

import os
from collections.abc import Iterator, Sequence

from namesrv.cli.printing import complain, say
from namesrv.cli.sources import read_options
from namesrv.cli.version import load_hot_path, version_line
from namesrv.cli.words import Words, read_words
from namesrv.errors import OptionsInvalid
from namesrv.options import OPTIONS, Options, java_text
from namesrv.switches import NO_EXTENSIONS


def obey(given: Sequence[str]) -> int:
    """Carry out the words behind `serve`, and return the exit code.

    Raises OptionsInvalid and StartFailed.
    """
    words = read_words(given)
    if words.pure:
        os.environ[NO_EXTENSIONS] = "1"
    if words.action == "help":
        import shutil  # noqa: PLC0415

        from namesrv.cli.help_text import help_text  # noqa: PLC0415

        say(help_text(shutil.get_terminal_size().columns))
    elif words.action == "version":
        say(version_line())
    else:
        return _obey_options(words)
    return 0


def _obey_options(words: Words) -> int:
    options, warnings = read_options(words, os.environ)
    if words.action == "serve":
        load_hot_path()
        from namesrv.cli.serve import serve  # noqa: PLC0415

        return serve(options, words, warnings)
    for warning in warnings:
        complain(f"warning: {warning}")
    if words.action == "check":
        _check(options)
    else:
        say("\n".join(_items(options)))
    return 0


def _check(options: Options) -> None:
    """Report the mistakes that a start would find in options, files and addresses."""
    load_hot_path()
    from namesrv.server.running.start_check import StartCheck  # noqa: PLC0415

    check = StartCheck(options)
    for warning in (*check.warnings, *check.in_use):
        complain(f"warning: {warning}")
    if check.mistakes:
        raise OptionsInvalid(check.mistakes)
    if check.in_use:
        say("namesrv: all options are understood; a start has to wait")
    else:
        say("namesrv: OK, all options are understood")


def _items(options: Options) -> Iterator[str]:
    """Every option as name=value: Java's as 319 shows them, then our own."""
    yield from java_text(options).splitlines()
    for option in OPTIONS:
        if not option.java:
            value = getattr(options, option.attribute)
            yield f"{option.name}={option.shown(value)}"

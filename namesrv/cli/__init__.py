"""The command line: words in, exit code out.

Exit codes: 0 for a clean end; 1 if the server cannot start, if a NameServer refuses or
does not have a thing, or if standard output cannot be written; 2 for mistakes in words
and options; 3 if no NameServer answers. Imports wait until a command needs them: a
question costs little more than the start of Python.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from namesrv.cli.printing import complain, say
from namesrv.errors import (
    HttpRejected,
    NameServerUnreachable,
    NamesrvError,
    NotFound,
    OptionsInvalid,
    OutputFailed,
    RequestRefused,
    StartFailed,
)

_FAILED = 1
_MISTAKEN = 2
_UNREACHABLE = 3
_INTERRUPTED = 130
_REFUSALS = (StartFailed, NotFound, RequestRefused, HttpRejected, OutputFailed)


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out the command line and return the exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        return _obey(given)
    except OptionsInvalid as error:
        for mistake in error.mistakes:
            complain(mistake)
        return _MISTAKEN
    except _REFUSALS as error:
        return _report(error, _FAILED)
    except NameServerUnreachable as error:
        return _report(error, _UNREACHABLE)
    except KeyboardInterrupt:
        return _INTERRUPTED


def asks(given: Sequence[str]) -> bool:
    """Whether these words are a command that asks a NameServer, and do not serve."""
    if not _is_command(list(given)):
        return False
    from namesrv.cli.commands.leading import words_before  # noqa: PLC0415

    return given[words_before(given)] != "demo-broker"


def _is_command(given: list[str]) -> bool:
    # Such a server loads nothing of the commands.
    if not given or given[0] == "serve":
        return False
    from namesrv.cli.commands.leading import begins_with_command  # noqa: PLC0415

    return begins_with_command(given)


def _obey(given: list[str]) -> int:
    if given == ["--version"]:
        from namesrv.cli.version import version_line  # noqa: PLC0415

        say(version_line())
        return 0
    if _is_command(given) or given[:1] in (["-h"], ["--help"]):
        from namesrv.cli.commands.run import run  # noqa: PLC0415

        return run(given)
    from namesrv.cli import server  # noqa: PLC0415

    return server.obey(given[1:] if given[:1] == ["serve"] else given)


def _report(error: NamesrvError, code: int) -> int:
    for sentence in str(error).split("\n"):
        complain(sentence)
    return code

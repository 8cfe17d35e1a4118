"""`--watch`: a command again and again, until Ctrl-C or until nobody reads."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from namesrv.cli.commands.session import read_seconds
from namesrv.cli.commands.words import Call
from namesrv.cli.printing import complain, say
from namesrv.errors import NamesrvError, OptionsInvalid, OutputFailed

if TYPE_CHECKING:
    from namesrv.cli.commands.result import Result

DEFAULT_SECONDS: Final = 2.0
_CLEAR: Final = "\x1b[H\x1b[2J\x1b[3J"


def repeat(
    call: Call,
    handler: Callable[[Call], Result],
    show: Callable[[Call, Result], bool],
    wait: Callable[[float], None] = time.sleep,
) -> int:
    """Carry the command out every few seconds; the exit code is 0.

    On a terminal each result replaces the one before. A failure is printed and does
    not end it, so that it can wait for a server. Raises OptionsInvalid and
    OutputFailed.
    """
    seconds = read_seconds(call, "watch", DEFAULT_SECONDS)
    is_open = True
    try:
        while is_open:
            is_open = _heading(call, seconds)
            try:
                is_open = show(call, handler(call)) and is_open
            except (OptionsInvalid, OutputFailed):
                raise
            except NamesrvError as failure:
                for sentence in str(failure).split("\n"):
                    complain(sentence)
            finally:
                call.close()
            wait(seconds)
    except KeyboardInterrupt:
        pass
    return 0


def _heading(call: Call, seconds: float) -> bool:
    """Clear the terminal, and print the time; programs get neither."""
    if call.has("json"):
        return True
    heading = f"{time.strftime('%H:%M:%S')}  {call.command.name}, every {seconds:g} s"
    return say((_CLEAR if sys.stdout.isatty() else "") + heading)

"""The process `namesrv`: its signals and its standard streams, then the command line.

Importing the rest takes a while. A signal that ends would kill in it with another exit
code, or be lost: nothing but a handler brings one to the first process of a container.
"""

import os
import signal
import sys
from types import FrameType
from typing import Final, NoReturn

_STREAMS: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))
_INTERRUPTED: Final = 130


def main() -> int:
    """Do what the command line says, and return the exit code."""
    signal.signal(signal.SIGTERM, _end)
    # One that is ignored, as for a job in the background of a script, stays so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    # It would kill, too; the server unblocks it when it can be obeyed.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    _open_missing_streams()
    from namesrv.cli import main as obey  # noqa: PLC0415

    code = obey()
    # A signal that comes now would spoil the exit code.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return code


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """Until the server has its own way to end."""
    raise SystemExit(0)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(_INTERRUPTED)


def _open_missing_streams() -> None:
    """Descriptors 0 to 2 that were closed, or a socket would take their numbers."""
    for number, (name, mode) in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free is taken.
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(number, mode, closefd=False))


if __name__ == "__main__":
    raise SystemExit(main())

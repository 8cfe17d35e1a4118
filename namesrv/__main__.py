"""The process `namesrv`: its signals and its standard streams, then the command line.

Importing the rest takes a while. Without a handler, a signal during that time would end
the process with another exit code, and would never reach process 1 of a container.
"""

import os
import signal
import sys
from types import FrameType
from typing import Final, NoReturn

_STREAMS: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))
_INTERRUPTED: Final = 130
_TERMINATED: Final = 143


def main() -> int:
    """Carry out the command line and return the exit code."""
    signal.signal(signal.SIGTERM, _end)
    # A script ignores SIGINT for its background jobs; keep that.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    # SIGHUP would end the process; the server unblocks it when it can reload.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    _open_missing_streams()
    from namesrv.cli import asks  # noqa: PLC0415
    from namesrv.cli import main as obey  # noqa: PLC0415

    if asks(sys.argv[1:]):
        _restore_signals()
    code = obey()
    # A signal during the exit would change the exit code.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return code


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """End the process, until the server has handlers of its own."""
    raise SystemExit(0)


def _restore_signals() -> None:
    """Let signals end a command as they end any other, with its own code."""
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGINT) is _interrupt:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    # An exception gives a screen back to the terminal.
    raise SystemExit(_TERMINATED)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(_INTERRUPTED)


def _open_missing_streams() -> None:
    """Open descriptors 0 to 2 if they are closed: a socket would take their numbers."""
    for number, (name, mode) in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            # The system takes the lowest free number, which is this one.
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(number, mode, closefd=False))


if __name__ == "__main__":
    raise SystemExit(main())

"""Logs unhandled errors, because a stream could be full and block."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_LOGGER: Final = logging.getLogger("namesrv")


@contextmanager
def stray_errors_logged() -> Iterator[None]:
    """Within it, unhandled exceptions of threads, and those that the interpreter cannot
    raise, go to the log."""
    before = threading.excepthook, sys.unraisablehook
    threading.excepthook = _log_thread
    sys.unraisablehook = _log_unraisable
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook = before


def _log_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _log("unhandled exception in a thread", args.exc_value)


def _log_unraisable(args: Any) -> None:
    if args.exc_value is not None:
        _log("unhandled exception outside of any call", args.exc_value)


def _log(event: str, error: BaseException) -> None:
    _LOGGER.error(event, exc_info=(type(error), error, error.__traceback__))

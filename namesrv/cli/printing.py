"""Prints texts on standard output or standard error."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from namesrv.errors import OutputFailed


def say(text: str, stream: TextIO | None = None, end: str = "\n") -> bool:
    """Print; escape characters that the stream cannot encode.

    False if nobody reads the stream any more. Raises OutputFailed if standard output
    fails in another way, as on a full disk; nothing can report that of standard error.
    """
    to = stream or sys.stdout
    try:
        encoding = getattr(to, "encoding", None) or "utf-8"
        safe = text.encode(encoding, "backslashreplace").decode(encoding)
        print(safe, file=to, flush=True, end=end)
    except OSError as error:
        # The stream points at /dev/null now, so that the interpreter's last flush of it
        # does not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), to.fileno())
        if to is sys.stdout and not isinstance(error, BrokenPipeError):
            raise OutputFailed(error.strerror or str(error)) from None
        return False
    return True


def shown(text: str) -> str:
    """The text with every character escaped that is no printable one.

    A server may send names with line ends, and with commands for terminals.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )


def shown_json(text: str) -> str:
    """The JSON as it is for a program, and for a terminal with escapes.

    Escaped is every character that is no printable one, but for line ends.
    """
    if not sys.stdout.isatty():
        return text
    return "".join(
        char if char.isprintable() or char == "\n" else _json_escape(char)
        for char in text
    )


def _json_escape(char: str) -> str:
    digits = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{digits[at : at + 4]}" for at in range(0, len(digits), 4))


def complain(sentence: str) -> None:
    """Print a sentence on standard error, with the name of the program before it."""
    say(f"namesrv: {shown(sentence)}", sys.stderr)

"""Prints texts on standard output or standard error."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def say(text: str, stream: TextIO | None = None, end: str = "\n") -> bool:
    """Print; escape characters that the stream cannot encode; ignore a closed one.

    False if the stream is closed.
    """
    to = stream or sys.stdout
    try:
        encoding = getattr(to, "encoding", None) or "utf-8"
        safe = text.encode(encoding, "backslashreplace").decode(encoding)
        print(safe, file=to, flush=True, end=end)
    except OSError:
        # The stream points at /dev/null now, so that the interpreter's last flush of it
        # does not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), to.fileno())
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


def complain(sentence: str) -> None:
    """Print a sentence on standard error, with the name of the program before it."""
    say(f"namesrv: {shown(sentence)}", sys.stderr)

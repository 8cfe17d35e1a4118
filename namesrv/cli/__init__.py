"""The command line: words in, exit code out.

Exit codes: 0 for a clean end, 1 if the server cannot start, 2 for mistakes in options.
Java's flags `-c -p -n -h` work (protocol.md section 4.1). Heavy imports wait until a
command needs them, so that help and version are immediate.
"""

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import TextIO

from namesrv import __version__
from namesrv.cli.help_text import help_text
from namesrv.cli.sources import read_options
from namesrv.cli.words import Words, read_words
from namesrv.errors import OptionsInvalid, StartFailed
from namesrv.options import OPTIONS, Options, java_text


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out the command line and return the exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        if given[:1] == ["demo-broker"]:
            return _be_a_broker(given[1:])
        return _obey(read_words(given))
    except OptionsInvalid as error:
        for mistake in error.mistakes:
            _say(f"namesrv: {mistake}", sys.stderr)
        return 2
    except StartFailed as error:
        _say(f"namesrv: {error}", sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _be_a_broker(words: Sequence[str]) -> int:
    from namesrv.cli import demo_broker  # noqa: PLC0415

    return demo_broker.run(words, _say)


def _obey(words: Words) -> int:
    if words.pure:
        os.environ["NAMESRV_NO_EXTENSIONS"] = "1"
    if words.action == "help":
        _say(help_text(shutil.get_terminal_size().columns))
    elif words.action == "version":
        _load_hot_path()
        _say(version_line())
    else:
        options, warnings = read_options(words, os.environ)
        if words.action == "serve":
            _load_hot_path()
            from namesrv.cli.serve import serve  # noqa: PLC0415

            return serve(options, words, warnings)
        for warning in warnings:
            _say(f"namesrv: warning: {warning}", sys.stderr)
        if words.action == "check":
            _check(options)
        else:
            _say("\n".join(_items(options)))
    return 0


def _check(options: Options) -> None:
    """Report the mistakes that a start would find in options, files and addresses."""
    _load_hot_path()
    from namesrv.server.running.start_check import StartCheck  # noqa: PLC0415

    check = StartCheck(options)
    for warning in (*check.warnings, *check.in_use):
        _say(f"namesrv: warning: {warning}", sys.stderr)
    if check.mistakes:
        raise OptionsInvalid(check.mistakes)
    if check.in_use:
        _say("namesrv: all options are understood; a start has to wait")
    else:
        _say("namesrv: OK, all options are understood")


def _items(options: Options) -> Iterator[str]:
    """Every option as name=value: Java's as 319 shows them, then our own."""
    yield from java_text(options).splitlines()
    for option in OPTIONS:
        if not option.java:
            value = getattr(options, option.attribute)
            yield f"{option.name}={option.shown(value)}"


def _load_hot_path() -> None:
    """Raises StartFailed if the hot path is demanded and missing, or broken."""
    try:
        import_module("namesrv._impl")
    except ImportError as error:
        raise StartFailed(
            f"the compiled hot path cannot be loaded ({error});"
            " build it again, or run without it: --pure"
        ) from error


def version_line() -> str:
    """Version, implementation of the hot path, interpreter and uvloop, on one line."""
    from importlib import metadata  # noqa: PLC0415

    from namesrv._impl import IMPLEMENTATION  # noqa: PLC0415

    try:
        loop = f"uvloop {metadata.version('uvloop')}"
    except metadata.PackageNotFoundError:
        loop = "no uvloop"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"namesrv {__version__} ({IMPLEMENTATION}, {python}, {loop})"


def _say(text: str, stream: TextIO | None = None) -> None:
    """Print; escape characters that the stream cannot encode; ignore a closed one."""
    to = stream or sys.stdout
    try:
        encoding = getattr(to, "encoding", None) or "utf-8"
        safe = text.encode(encoding, "backslashreplace").decode(encoding)
        print(safe, file=to, flush=True)
    except OSError:
        # The stream points at /dev/null now, so that the interpreter's last flush of it
        # does not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), to.fileno())

"""The text of `namesrv serve --help`: flags by topic, aligned, with defaults."""

import textwrap
from collections.abc import Iterator
from typing import Final

from namesrv import __version__
from namesrv.option import GROUPS, Option, kebab, value_text
from namesrv.options import OPTIONS

_WIDEST: Final = 100
_NARROWEST: Final = 60
_WIDE: Final = 72
"""Columns from which on a meaning stands beside its flag rather than below it."""

_ACTIONS: Final = (
    ("-c, --config-file FILE", "read options from a Java .properties file"),
    ("-p, --print-config-item", "print the value of every option, and end"),
    ("-n, --namesrv-addr LIST", "accepted as Java accepts it, without effect"),
    ("    --check-config", "report every mistake in the options, and end"),
    ("    --pure", "run without the compiled hot path"),
    ("    --version", "print version and implementation, and end"),
    ("-h, --help", "print this, and end"),
)
_SHORTER: Final = {
    "bindAddress": "--bind",
    "listenPort": "--port",
    "recordDir": "--record",
}
_INTRODUCTION: Final = (
    "Without any flag it serves on port 9876 of all addresses, and keeps its files"
    " in ~/namesrv. Ctrl-C or SIGTERM ends it. Other commands: namesrv --help.",
)
_EPILOGUE: Final = (
    "Every option is also a key of the -c file (listenPort) and an environment variable"
    " (NAMESRV_OPT_LISTEN_PORT). Of several, the later one counts: default, -c file,"
    " remote updates that were kept, environment, command line.",
    "A flag without a value turns an option on; with --no- in front it turns it off:"
    " --enable-topic-list, --no-enable-topic-list.",
)


def help_text(columns: int) -> str:
    """The help for a terminal with this number of columns."""
    width = max(_NARROWEST, min(columns, _WIDEST))
    lines = [f"namesrv {__version__}, a RocketMQ NameServer", ""]
    lines += ["Usage: namesrv [serve] [-c FILE] [--OPTION VALUE]...", ""]
    lines += _paragraphs(_INTRODUCTION, width)
    lines += ["Actions:"]
    for flag, meaning in _ACTIONS:
        lines += _entry(flag, meaning, width)
    for group in GROUPS:
        lines += ["", f"{group}:"]
        for option in OPTIONS:
            if option.group == group:
                lines += _entry(f"    {_usage(option)}", _meaning(option), width)
    lines += ["", *_paragraphs(_EPILOGUE, width)]
    return "\n".join(lines).rstrip()


def _paragraphs(texts: tuple[str, ...], width: int) -> Iterator[str]:
    for text in texts:
        yield textwrap.fill(text, width)
        yield ""


def _usage(option: Option) -> str:
    flag = _SHORTER.get(option.name, f"--{kebab(option.name)}")
    if option.type is bool:
        return flag
    if option.type is int:
        return f"{flag} N"
    value = "|".join(option.choices) or option.placeholder
    return f"{flag} {value}"


def _meaning(option: Option) -> str:
    default = "" if option.default is None else value_text(option.default)
    return f"{option.meaning} [{default}]" if default else option.meaning


def _entry(flag: str, meaning: str, width: int) -> Iterator[str]:
    indent = width // 2 if width >= _WIDE else 10
    first = f"  {flag}"
    beside = width >= _WIDE and len(first) + 2 <= indent
    if not beside:
        yield first
    yield textwrap.fill(
        meaning,
        width,
        initial_indent=first.ljust(indent) if beside else " " * indent,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )

"""The command line: words in, exit code out.

Exit codes: 0 for a clean end, 1 if the server cannot start, 2 for mistakes in options.
Java's flags `-c -p -n -h` work (protocol.md section 4.1). Heavy imports wait until a
command needs them, so that help and version are immediate.
"""

import os
import platform
import shutil
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from ipaddress import ip_address
from typing import TYPE_CHECKING, TextIO

from namesrv import __version__
from namesrv.cli.help_text import help_text
from namesrv.cli.sources import read_options
from namesrv.cli.words import Words, read_words
from namesrv.errors import OptionsInvalid, StartFailed
from namesrv.options import OPTIONS, Options, java_text

if TYPE_CHECKING:
    from namesrv.server.logs.handlers import LogOutput
    from namesrv.server.nameserver import NameServer


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the words say, and return the exit code."""
    words = read_words(sys.argv[1:] if argv is None else argv)
    try:
        return _obey(words)
    except OptionsInvalid as error:
        for mistake in error.mistakes:
            _say(f"namesrv: {mistake}", sys.stderr)
        return 2
    except StartFailed as error:
        _say(f"namesrv: {error}", sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


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
            return _serve(options, words, warnings)
        for warning in warnings:
            _say(f"namesrv: warning: {warning}", sys.stderr)
        if words.action == "check":
            _check(options)
        else:
            _say("\n".join(_items(options)))
    return 0


def _check(options: Options) -> None:
    """Say what a start would say of the options and of all that they name."""
    _load_hot_path()
    from namesrv.server.start_check import StartCheck  # noqa: PLC0415

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
    """Raises StartFailed where it is demanded and missing, or broken."""
    try:
        import_module("namesrv._impl")
    except ImportError as error:
        raise StartFailed(
            f"the compiled hot path cannot be loaded ({error});"
            " build it again, or run without it: --pure"
        ) from error


def _serve(options: Options, words: Words, warnings: Iterable[str]) -> int:
    """Serve; the exit code. Raises StartFailed before there is a log to say it."""
    _load_hot_path()
    from namesrv.server.logs.handlers import set_up_logging  # noqa: PLC0415
    from namesrv.server.logs.stray_errors import stray_errors_logged  # noqa: PLC0415

    output = set_up_logging(options)
    try:
        for warning in warnings:
            _warn(output, warning)
        if words.config_file is not None:
            output.say(f"load config properties file OK, {words.config_file}")
        with stray_errors_logged():
            _run(options, words, output)
    except StartFailed as failure:
        output.say(f"namesrv: {failure}", is_error=True)
        return 1
    finally:
        # The loop's handlers went with it, and one that comes now would kill.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        output.close()
    return 0


def _run(options: Options, words: Words, output: "LogOutput") -> None:
    """Serve. Raises StartFailed, also for a mistake of ours, which the log explains."""
    from namesrv.server.logs.events import LOGGER, EventLog  # noqa: PLC0415
    from namesrv.server.logs.life import log_failed_start  # noqa: PLC0415
    from namesrv.server.run import run  # noqa: PLC0415

    def announce(server: "NameServer") -> None:
        _announce(options, server, output)

    try:
        run(options, announce, lambda: _reread(words, options))
    except StartFailed as failure:
        if output.has_file:
            log_failed_start(EventLog(), failure)
        raise
    except OptionsInvalid:
        raise
    except Exception:
        LOGGER.exception("the server broke down")
        raise StartFailed("the server broke down, its log says why") from None


def _warn(output: "LogOutput", warning: str) -> None:
    """Of the options: the terminal shows it, and a log file has it too."""
    from namesrv.server.logs.events import LOGGER  # noqa: PLC0415

    output.say(f"namesrv: warning: {warning}", is_error=True)
    if output.has_file:
        LOGGER.warning(warning)


def _reread(words: Words, current: Options) -> Options:
    """The options as their sources are now; warnings go to the log."""
    from namesrv.server.logs.events import LOGGER  # noqa: PLC0415

    for path in (words.config_file, current.tls_config_file):
        if path is not None and _is_stream(path):
            raise OptionsInvalid(
                [
                    f"file {path} is no regular file, and was read already; start anew"
                    " to change options"
                ]
            )
    options, warnings = read_options(words, os.environ)
    for warning in warnings:
        LOGGER.warning(warning)
    return options


def _is_stream(path: str) -> bool:
    """Whether there is something that can be read only once, such as a pipe."""
    if not os.path.exists(path) or path == os.devnull:
        return False
    return not (os.path.isfile(path) or os.path.isdir(path))


def _announce(options: Options, server: "NameServer", output: "LogOutput") -> None:
    from namesrv._impl import IMPLEMENTATION  # noqa: PLC0415
    from namesrv.server.logs.events import LOGGER  # noqa: PLC0415

    output.say(
        f"The Name Server boot success. serializeType={options.serialize_type},"
        f" address {_joined(server.addresses)}, implementation {IMPLEMENTATION},"
        f" loop {server.loop_name}, version {__version__},"
        f" start {server.warm_start.text if server.warm_start else 'cold'}"
    )
    public = [item for item in server.addresses if not ip_address(item[0]).is_loopback]
    is_open = "open" in (options.admin_access, options.broker_access)
    if public and is_open and not _asks_everybody(options):
        warning = (
            f"bound to {_joined(public)}: everybody who reaches this port can change"
            " routes; adminAccess and brokerAccess, bindAddress (--bind 127.0.0.1), a"
            " firewall or a network policy narrow who does"
        )
        LOGGER.warning(warning)
        if output.has_file:
            output.say(f"namesrv: warning: {warning}", is_error=True)


def _asks_everybody(options: Options) -> bool:
    """Whether nobody comes in without a certificate that is checked."""
    return (
        options.tls_server_mode == "enforcing"
        and options.tls_server_need_client_auth == "require"
    )


def _joined(addresses: Iterable[tuple[str, int]]) -> str:
    from namesrv.server.logs.life import address_texts  # noqa: PLC0415

    return ", ".join(address_texts(list(addresses)))


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
    """Print, whatever the stream can encode; nobody listening is no reason to stop."""
    to = stream or sys.stdout
    try:
        encoding = getattr(to, "encoding", None) or "utf-8"
        safe = text.encode(encoding, "backslashreplace").decode(encoding)
        print(safe, file=to, flush=True)
    except OSError:
        # Or the interpreter would complain when it flushes the stream at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), to.fileno())

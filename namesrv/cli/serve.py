"""The command that serves: logging, the server, and the lines about its start.

Companions of the server, such as an HTTP port, are put together here.
"""

import os
import signal
from collections.abc import Iterable

from namesrv import __version__
from namesrv._impl import IMPLEMENTATION
from namesrv.admin.companion import HttpCompanion
from namesrv.admin.peers.companion import PeersCompanion
from namesrv.cli.sources import read_options
from namesrv.cli.words import Words
from namesrv.errors import OptionsInvalid, StartFailed
from namesrv.options import Options
from namesrv.server.logs.events import LOGGER, EventLog
from namesrv.server.logs.handlers import LogOutput, set_up_logging
from namesrv.server.logs.life import address_texts, log_failed_start
from namesrv.server.logs.stray_errors import stray_errors_logged
from namesrv.server.nameserver import NameServer
from namesrv.server.running.companions import Companion
from namesrv.server.running.exposure import exposure_warning
from namesrv.server.running.run import run


def serve(
    options: Options,
    words: Words,
    warnings: Iterable[str],
    companions: Iterable[Companion] | None = None,
) -> int:
    """Serve until a signal, and return the exit code.

    `warnings` are those of the options. Without `companions` the server has HTTP, and
    compares itself with its peers.
    Raises StartFailed if the log cannot be opened.
    """
    output = set_up_logging(options)
    try:
        for warning in warnings:
            _warn(output, warning)
        if words.config_file is not None:
            output.say(f"load config properties file OK, {words.config_file}")
        if companions is None:
            companions = (HttpCompanion(), PeersCompanion())
        with stray_errors_logged():
            _run(options, words, output, companions)
    except StartFailed as failure:
        output.say(f"namesrv: {failure}", is_error=True)
        return 1
    finally:
        # The handlers of the loop are gone, and the default action ends the process.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        output.close()
    return 0


def _run(
    options: Options,
    words: Words,
    output: LogOutput,
    companions: Iterable[Companion],
) -> None:
    """Serve. An unexpected exception goes to the log and is raised as StartFailed."""
    try:
        run(
            options,
            companions=companions,
            on_started=lambda server: _announce(options, server, output),
            read_options=lambda: _reread(words, options),
        )
    except StartFailed as failure:
        if output.has_file:
            log_failed_start(EventLog(), failure)
        raise
    except OptionsInvalid:
        raise
    except Exception:
        LOGGER.exception("the server broke down")
        raise StartFailed("the server broke down, its log says why") from None


def _warn(output: LogOutput, warning: str) -> None:
    """Show a warning on the terminal, and put it into the log file if there is one."""
    output.say(f"namesrv: warning: {warning}", is_error=True)
    if output.has_file:
        LOGGER.warning(warning)


def _reread(words: Words, current: Options) -> Options:
    """Read the options from their sources again; warnings go to the log.

    Raises OptionsInvalid.
    """
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
    """Whether the path leads to something that is read only once, such as a pipe."""
    if not os.path.exists(path) or path == os.devnull:
        return False
    return not (os.path.isfile(path) or os.path.isdir(path))


def _http_text(server: NameServer) -> str:
    """The addresses that serve HTTP only, as the end of the line about the start."""
    texts = address_texts(server.http_addresses)
    return f", HTTP only on {', '.join(texts)}" if texts else ""


def _announce(options: Options, server: NameServer, output: LogOutput) -> None:
    output.say(
        f"The Name Server boot success. serializeType={options.serialize_type},"
        f" address {', '.join(address_texts(server.addresses))},"
        f" implementation {IMPLEMENTATION},"
        f" loop {server.loop_name}, version {__version__},"
        f" start {server.warm_start.text if server.warm_start else 'cold'}"
        + _http_text(server)
    )
    warning = exposure_warning(options, server.addresses)
    if warning is not None:
        LOGGER.warning(warning)
        if output.has_file:
            output.say(f"namesrv: warning: {warning}", is_error=True)

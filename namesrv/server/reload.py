"""SIGHUP: options are read again, and what may change while we run does."""

import logging
from collections.abc import Callable, Iterable
from typing import Final

from namesrv.errors import OptionsInvalid, StartFailed
from namesrv.options import OPTIONS, REMOTE_KEYS, Options, Value
from namesrv.routing.outbox import LogEvent
from namesrv.routing.state import RoutingState
from namesrv.server.access_keys import read_keys_file
from namesrv.server.logs import EventLog, set_log_level

RELOADED: Final = REMOTE_KEYS | {
    "accessKeysFile",
    "adminAccess",
    "bodyMaxInflatedBytes",
    "brokerAccess",
    "enableShutdownGracefully",
    "inputBudgetBytes",
    "kvMaxKeys",
    "kvMaxNameBytes",
    "kvMaxNamespaces",
    "kvMaxValueBytes",
    "logLevel",
    "maxRoutes",
    "maxTopicsPerRegistration",
    "outputBudgetBytes",
    "shutdownWaitTimeSeconds",
    "snapshotIntervalMillis",
    "tlsServerAuthClient",
    "tlsServerCertPath",
    "tlsServerKeyPassword",
    "tlsServerKeyPath",
    "tlsServerNeedClientAuth",
    "tlsServerTrustCertPath",
}
"""What is looked at each time that it is needed; the rest was used at the start."""


def reload_options(
    state: RoutingState, log: EventLog, read_options: Callable[[], Options]
) -> None:
    """Take over what changed in the sources of options, and say so.

    A mistake anywhere changes nothing, and so do access keys of another file that
    cannot be read. Remote updates that were kept still count more than the file, as at
    a start.
    """
    try:
        found = read_options()
        if found.access_keys_file not in ("", state.options.access_keys_file):
            read_keys_file(found.access_keys_file)
    except OptionsInvalid as error:
        _refuse(log, error.mistakes)
        return
    except StartFailed as error:
        _refuse(log, [str(error)])
        return
    changes: dict[str, Value] = {}
    waiting: list[str] = []
    for option in OPTIONS:
        new = getattr(found, option.attribute)
        if new == getattr(state.options, option.attribute):
            continue
        if option.name in RELOADED:
            changes[option.name] = new
        else:
            waiting.append(option.name)
    state.options.extra = found.extra
    state.configuration.apply(changes, by="SIGHUP")
    set_log_level(state.options)
    if waiting:
        event = "options that changed count from the next start only"
        _say(state, logging.WARNING, event, options=waiting)
    # The last line, so that whoever waits for it can read the others.
    event = "the configuration was read again"
    _say(state, logging.INFO, event, changed=sorted(changes))


def _say(state: RoutingState, level: int, event: str, **fields: object) -> None:
    state.outbox.put(LogEvent(level, event, fields, peer_caused=False))


def _refuse(log: EventLog, mistakes: Iterable[str]) -> None:
    for mistake in mistakes:
        event = "the configuration was read again, and nothing of it is taken over"
        log.log_own(logging.WARNING, event, {"reason": mistake})

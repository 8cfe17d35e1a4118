"""SIGHUP reloads the options that may change while the server runs.

A reload changes all or nothing: options, access keys and certificates are read first,
and any mistake leaves everything unchanged.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from namesrv.contradictions import contradictions
from namesrv.errors import OptionsInvalid, StartFailed, TlsFilesInvalid
from namesrv.option import Value
from namesrv.options import BY_NAME, OPTIONS, Options
from namesrv.routing.events import Cause, CauseKind
from namesrv.routing.outbox import LogEvent
from namesrv.routing.state import RoutingState
from namesrv.server.files.access_keys import AccessKeysFile, PreparedKeys
from namesrv.server.files.http_tokens import read_http_tokens
from namesrv.server.logs.events import EventLog
from namesrv.server.logs.handlers import set_log_level
from namesrv.server.tls.gate import PreparedTls, TlsGate

_NEED_CLIENT_AUTH: Final = ("none", "optional", "require")
_IS_WIDER: Final[Mapping[str, Callable[[Value, Value], bool]]] = {
    # A signature admits other machines, loopback admits unsigned requests.
    "adminAccess": lambda old, new: old != "open" and new != "off",
    "brokerAccess": lambda old, new: new == "open",
    # Either of loopback and token admits peers that the other one refuses.
    "httpAccess": lambda old, new: old != "open" and new != "off",
    "httpHosts": lambda old, new: bool(new),
    "tlsServerAuthClient": lambda old, new: not new,
    "tlsServerNeedClientAuth": lambda old, new: (
        _NEED_CLIENT_AUTH.index(str(new)) < _NEED_CLIENT_AUTH.index(str(old))
    ),
    "tlsServerTrustCertPath": lambda old, new: bool(old),
}
"""Whether a changed option may admit peers that were refused before."""


class _Prepared(NamedTuple):
    """The changes of a reload, read and validated."""

    found: Options
    changes: dict[str, Value]
    keys: PreparedKeys
    tls: PreparedTls


class Reload:
    """Applies changes in the sources of options, and logs them.

    `flush` carries out the effects in the state's outbox.
    """

    def __init__(
        self,
        state: RoutingState,
        log: EventLog,
        access_keys: AccessKeysFile,
        tls: TlsGate,
        flush: Callable[[], None],
    ) -> None:
        self._state = state
        self._log = log
        self._access_keys = access_keys
        self._tls = tls
        self._flush = flush

    def run(self, read_options: Callable[[], Options]) -> None:
        """Read all files again, and apply them as a whole or not at all.

        Stored remote updates override the file, as at a start.
        """
        try:
            prepared = self._prepare(read_options())
        except OptionsInvalid as error:
            self._refuse(error.mistakes)
        except (StartFailed, TlsFilesInvalid) as error:
            self._refuse([str(error)])
        else:
            self._take(prepared)

    def _prepare(self, found: Options) -> _Prepared:
        """Raises OptionsInvalid, StartFailed and TlsFilesInvalid."""
        current = self._state.options
        changes = {
            name: getattr(found, BY_NAME[name].attribute)
            for name in _changed(current, found)
            if BY_NAME[name].live
        }
        values = {BY_NAME[name].attribute: value for name, value in changes.items()}
        # An option that waits for the next start may contradict one that does not.
        wanted = replace(current, **values)
        mistakes = [mistake for _, mistake in contradictions(wanted)]
        if mistakes:
            raise OptionsInvalid(mistakes)
        if wanted.http_token_file:
            read_http_tokens(wanted.http_token_file)
        keys = self._access_keys.prepare(wanted)
        return _Prepared(found, changes, keys, self._tls.prepare(wanted))

    def _take(self, prepared: _Prepared) -> None:
        options, changes = self._state.options, prepared.changes
        wider = list(_wider(options, changes))
        options.extra = prepared.found.extra
        self._state.configuration.apply(changes, Cause(CauseKind.RELOAD))
        self._access_keys.take(prepared.keys)
        self._tls.take(prepared.tls)
        set_log_level(options)
        for fields in wider:
            self._log_line(logging.WARNING, "access is wider than before", **fields)
        waiting = _changed(options, prepared.found)
        if waiting:
            event = "changed options take effect at the next start"
            self._log_line(logging.WARNING, event, options=",".join(waiting))
        # This line is the last one, so that operators can wait for it.
        event = "configuration reloaded"
        self._log_line(logging.INFO, event, changed=",".join(sorted(changes)))
        self._flush()

    def _log_line(self, level: int, event: str, **fields: object) -> None:
        """In the outbox, behind the lines of the changes."""
        self._state.outbox.put(LogEvent(level, event, fields, peer_caused=False))

    def _refuse(self, mistakes: Iterable[str]) -> None:
        event = "configuration not reloaded, the old one stays in use"
        for mistake in mistakes:
            self._log.log_own(logging.WARNING, event, {"reason": mistake})


def _changed(current: Options, found: Options) -> list[str]:
    return [
        option.name
        for option in OPTIONS
        if getattr(found, option.attribute) != getattr(current, option.attribute)
    ]


def _wider(
    current: Options, changes: Mapping[str, Value]
) -> Iterator[dict[str, object]]:
    """Option, old and new value of changes that may admit more peers."""
    for name, new in changes.items():
        old = getattr(current, BY_NAME[name].attribute)
        if name in _IS_WIDER and _IS_WIDER[name](old, new):
            yield {"option": name, "old": old, "new": new, "by": "SIGHUP"}

"""An event that comes in masses: at most one line a second, with how many it is for."""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from namesrv.server.clock import monotonic_millis
from namesrv.server.logs.events import EventLog

_LINE_MILLIS: Final = 1000


class CountedEvent:
    """Logs one event, as a warning unless `level` says otherwise."""

    def __init__(
        self,
        log: EventLog,
        event: str,
        find_now_ms: Callable[[], int] = monotonic_millis,
        *,
        level: int = logging.WARNING,
    ) -> None:
        self._log = log
        self._event = event
        self._find_now_ms = find_now_ms
        self._level = level
        self._times = 0
        self._fields: Mapping[str, object] = {}
        self._next_line_ms = 0

    def happen(self, fields: Mapping[str, object]) -> None:
        """It happened; `fields` are shown if it is the last one before a line."""
        self._times += 1
        self._fields = fields
        self.report()

    def report(self) -> None:
        """Log what was not yet told of; to be called now and then, too."""
        if not self._times:
            return
        now_ms = self._find_now_ms()
        if now_ms >= self._next_line_ms:
            fields = {"times": self._times, **self._fields}
            self._log.log_own(self._level, self._event, fields)
            self._times = 0
            self._next_line_ms = now_ms + _LINE_MILLIS

"""Events: short English phrases of ours with fields, logged by the logger "namesrv".

Texts of peers stand in fields only, escaped and cut, and events that peers cause have a
rate. The list of events is protocol.md section 4.8.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

from namesrv.routing.outbox import BURST, LogEvent
from namesrv.server.logs.formats import event_record
from namesrv.server.logs.rate_limit import RateLimit

LOGGER: Final = logging.getLogger("namesrv")


class EventLog:
    """Writes events to the logger "namesrv"; `monotonic` gives seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit = RateLimit(monotonic)

    def log_event(
        self,
        level: int,
        event: str,
        fields: Mapping[str, object],
        *,
        peer_caused: bool = True,
        burst: int = BURST,
    ) -> None:
        """Log `event` with `fields`, unless `level` is off or it comes too often.

        Peers may cause `burst` lines at once, then some a second. The first that gets
        through after some were held back has their number.
        """
        if not LOGGER.isEnabledFor(level):
            return
        if peer_caused:
            suppressed = self._limit.admit(event, burst)
            if suppressed is None:
                return
            if suppressed:
                fields = {**fields, "suppressed": suppressed}
        LOGGER.handle(event_record(level, event, fields))

    def put(self, effect: LogEvent) -> None:
        """Log what the state put into its outbox."""
        self.log_event(
            effect.level,
            effect.event,
            effect.fields,
            peer_caused=effect.peer_caused,
            burst=effect.burst,
        )

    def log_own(self, level: int, event: str, fields: Mapping[str, object]) -> None:
        """Log what no peer causes, as often as it happens."""
        self.log_event(level, event, fields, peer_caused=False)

    def report_suppressed(self) -> None:
        """Log how many lines were held back of each event that has become quiet.

        To be called now and then, so that the last lines of a flood are counted too.
        """
        for event, suppressed in self._limit.take_quiet():
            fields = {"of": event, "suppressed": suppressed}
            event = "lines were suppressed"
            self.log_own(logging.INFO, event, fields)

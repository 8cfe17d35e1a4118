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
    """Writes events to the logger "namesrv"; `monotonic` returns seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit = RateLimit(monotonic)

    @property
    def suppressed_lines(self) -> int:
        """Lines dropped because their event came too often."""
        return self._limit.suppressed_in_all

    def log_event(
        self,
        level: int,
        event: str,
        fields: Mapping[str, object],
        *,
        peer_caused: bool = True,
        burst: int = BURST,
    ) -> None:
        """Log `event` with `fields`, unless `level` is off or its rate is exceeded.

        Peers may cause `burst` lines at once, then 5 a second. The next line after
        dropped ones has their number as the field `suppressed`.
        """
        if not LOGGER.isEnabledFor(level):
            return
        if peer_caused:
            suppressed = self._limit.admit(event, burst)
            if suppressed is None:
                return
            fields = with_suppressed(fields, suppressed)
        LOGGER.handle(event_record(level, event, fields))

    def put(self, effect: LogEvent) -> None:
        """Log an event of the routing state's outbox."""
        self.log_event(
            effect.level,
            effect.event,
            effect.fields,
            peer_caused=effect.peer_caused,
            burst=effect.burst,
        )

    def log_own(self, level: int, event: str, fields: Mapping[str, object]) -> None:
        """Log an event that no peer causes, without a rate."""
        self.log_event(level, event, fields, peer_caused=False)

    def log_damped(self, level: int, event: str, fields: Mapping[str, object]) -> None:
        """Log an event at most once a second, however many other events come.

        The next line has the number of dropped ones as the field `suppressed`. Any
        thread may call it.
        """
        suppressed = self._limit.admit_own(event)
        if suppressed is not None:
            self.log_own(level, event, with_suppressed(fields, suppressed))

    def report_suppressed(self) -> None:
        """Log the number of dropped lines of each event that has become quiet.

        The server calls it regularly, so that the last lines of a flood are counted.
        """
        for event, suppressed in self._limit.take_quiet():
            fields = {"of": event, "suppressed": suppressed}
            event = "log lines were suppressed"
            self.log_own(logging.INFO, event, fields)


def with_suppressed(
    fields: Mapping[str, object], suppressed: int
) -> Mapping[str, object]:
    """`fields` with the number of dropped lines as `suppressed`, unless it is 0."""
    return {**fields, "suppressed": suppressed} if suppressed else fields

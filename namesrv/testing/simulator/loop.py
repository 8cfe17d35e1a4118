"""Stand-ins for the event loop and the log of a simulated server."""

from collections.abc import Callable, Mapping

from namesrv.routing.outbox import BURST
from namesrv.server.logs.events import EventLog


class _Timer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualTimers:
    """Timers that are due at the next tick, whatever their time."""

    def __init__(self) -> None:
        self._timers: list[_Timer] = []

    def call_later(self, seconds: float, callback: Callable[[], None]) -> _Timer:
        """As an event loop's."""
        timer = _Timer(callback)
        self._timers.append(timer)
        return timer

    def run(self) -> None:
        """Call everything that is due."""
        timers, self._timers = self._timers, []
        for timer in timers:
            if timer.callback is not None:
                timer.callback()


class SilentLog(EventLog):
    """Drops all events."""

    def log_event(
        self,
        level: int,
        event: str,
        fields: Mapping[str, object],
        *,
        peer_caused: bool = True,
        burst: int = BURST,
    ) -> None:
        """Drop an event."""

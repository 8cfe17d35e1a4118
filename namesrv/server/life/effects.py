"""Carries out the effects in the state's outbox, and publishes its events.

Effects and events happen in the order in which they were put. An effect may cause
others: a late answer lets its connection go on, whose next request logs a line or
writes a file. These follow everything that was put before them, so that `flush` is
never entered twice.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from namesrv.routing.events import Event, EventStream, Sink
from namesrv.routing.outbox import Close, Effect, LateAnswer, LongAnswer, Outbox
from namesrv.server.connections.registry import Connections

Sinks: TypeAlias = Mapping[type[Any], Callable[[Any], None]]
"""The function for each class of effects; it must not raise."""


class Effects:
    """Empties one server's outbox. `sinks` has all classes of effects except those for
    a connection; `report_failure` is called for a sink of events that raised."""

    def __init__(
        self,
        outbox: Outbox,
        events: EventStream,
        connections: Connections,
        sinks: Sinks,
        report_failure: Callable[[Sink, Exception], None],
    ) -> None:
        self._outbox = outbox
        self._events = events
        self._report_failure = report_failure
        self._connections = connections
        self._is_flushing = False
        self._sinks: Sinks = {
            LateAnswer: self._answer,
            LongAnswer: self._send_pieces,
            Close: self._close,
            **sinks,
        }

    def flush(self) -> None:
        """Carry out all effects, and those that they cause."""
        if self._is_flushing:
            return
        self._is_flushing = True
        try:
            while self._outbox:
                for effect in self._outbox.take():
                    self._carry_out(effect)
        finally:
            self._is_flushing = False
        self._connections.go_on()

    def _carry_out(self, effect: Effect) -> None:
        if isinstance(effect, Event):
            self._events.publish(effect, self._report_failure)
        else:
            self._sinks[type(effect)](effect)

    def _answer(self, effect: LateAnswer) -> None:
        protocol = self._connections.find(effect.connection)
        if protocol is not None:
            protocol.resume(effect.frame)

    def _send_pieces(self, effect: LongAnswer) -> None:
        protocol = self._connections.find(effect.connection)
        if protocol is not None:
            protocol.send_pieces(effect.pieces, effect.kept_bytes)

    def _close(self, effect: Close) -> None:
        protocol = self._connections.find(effect.connection)
        if protocol is not None:
            protocol.close()

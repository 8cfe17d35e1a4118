"""Carries out the effects of the state: events, log lines, files, answers."""

import logging
from collections.abc import Callable
from traceback import format_exception_only
from typing import Final

from namesrv.routing.events import Event, EventStream, Sink
from namesrv.routing.outbox import (
    AuditEvent,
    Close,
    FileWrite,
    LateAnswer,
    LogEvent,
    LongAnswer,
    Notification,
    Outbox,
    RouteQuery,
)
from namesrv.server.connections.registry import Connections
from namesrv.server.files.writers import Writers
from namesrv.server.logs.audit_log import AuditLog
from namesrv.server.logs.change_lines import ChangeLines
from namesrv.server.logs.counted_event import CountedEvent
from namesrv.server.logs.events import EventLog
from namesrv.server.outbound.notifier import Notifier
from namesrv.server.outbound.product_cluster import ProductCluster

_FAILURE: Final = "a sink of events failed"


class Effects:
    """Empties one server's outbox, and publishes its events; the log is their first
    sink."""

    def __init__(
        self,
        outbox: Outbox,
        events: EventStream,
        connections: Connections,
        log: EventLog,
        audit_log: AuditLog,
        writers: Writers,
        notifier: Notifier,
        product_cluster: ProductCluster,
    ) -> None:
        self._outbox = outbox
        self._events = events
        self._failures = CountedEvent(log, _FAILURE, level=logging.ERROR)
        events.add(ChangeLines(log.put, lambda: outbox.is_debugging))
        self._connections = connections
        self._log = log
        self._audit_log = audit_log
        self._writers = writers
        self._notifier = notifier
        self._product_cluster = product_cluster

    def flush(self) -> None:
        """Carry out everything, what comes of it included."""
        while self._outbox:
            for effect in self._outbox.take():
                self._carry_out(effect)
        self._connections.go_on()

    def report(self) -> None:
        """Log failures of sinks that were not logged yet; to be called now and then."""
        self._failures.report()

    def _sink_failed(self, sink: Sink, error: Exception) -> None:
        text = "".join(format_exception_only(error)).strip()
        self._failures.happen({"sink": type(sink).__name__, "error": text})

    def _carry_out(self, effect: object) -> None:
        match effect:
            case Event():
                self._events.publish(effect, self._sink_failed)
            case LogEvent():
                self._log.put(effect)
            case AuditEvent():
                self._audit_log.put(effect)
            case FileWrite():
                self._writers.submit(effect, self.flush)
            case LateAnswer(connection, frame):
                protocol = self._connections.find(connection)
                if protocol is not None:
                    protocol.resume(frame)
            case LongAnswer(connection, pieces, kept_bytes):
                protocol = self._connections.find(connection)
                if protocol is not None:
                    protocol.send_pieces(pieces, kept_bytes)
            case RouteQuery(topic, done):
                self._product_cluster.query(topic, self._then_flush(done))
            case Notification(addresses, frame):
                for address in addresses:
                    self._notifier.send(address, frame)
            case Close(connection):
                protocol = self._connections.find(connection)
                if protocol is not None:
                    protocol.close()

    def _then_flush(
        self, done: Callable[[bytes | None], None]
    ) -> Callable[[bytes | None], None]:
        def done_and_flush(body: bytes | None) -> None:
            done(body)
            self.flush()

        return done_and_flush

"""Carries out the effects of the state: log lines, files, answers, notifications."""

from collections.abc import Callable

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
from namesrv.server.logs.events import EventLog
from namesrv.server.outbound.notifier import Notifier
from namesrv.server.outbound.product_cluster import ProductCluster


class Effects:
    """Empties one server's outbox."""

    def __init__(
        self,
        outbox: Outbox,
        connections: Connections,
        log: EventLog,
        audit_log: AuditLog,
        writers: Writers,
        notifier: Notifier,
        product_cluster: ProductCluster,
    ) -> None:
        self._outbox = outbox
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

    def _carry_out(self, effect: object) -> None:
        match effect:
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

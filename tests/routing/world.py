"""A NameServer without sockets, clocks and files: a test plays all of them."""

from collections.abc import Mapping
from typing import Any

from namesrv.errors import StorageError
from namesrv.hot_path import Pause
from namesrv.options import Options
from namesrv.routing import state as state_module
from namesrv.routing.events import Cause, CauseKind, Event, Sink, TopicChanges
from namesrv.routing.outbox import (
    AuditEvent,
    Close,
    Effect,
    FileWrite,
    LateAnswer,
    LogEvent,
    LongAnswer,
    Notification,
    RouteQuery,
)
from namesrv.routing.requests.processor import RequestProcessor
from namesrv.routing.warm_start.draft import KeptRoutes
from namesrv.routing.warm_start.pack import read_snapshot
from namesrv.routing.warm_start.records import FIRST_LINE, Pieces, Place
from namesrv.server.logs.change_lines import ChangeLines
from namesrv.testing.peer import (
    Answer,
    Broker,
    ExtFields,
    read_answers,
    registration,
    request,
)

WALL_MILLIS = 1_700_000_000_000
RELOAD = Cause(CauseKind.RELOAD)

Connection = Any
"""One of whichever twin `routing` runs on."""


class CountingProcessor(RequestProcessor):
    """Knows what the hot path did not answer itself."""

    def __init__(self, *args: Any) -> None:
        self.cold_calls = 0
        super().__init__(*args)

    def process(self, *args: Any) -> Any:
        answer = super().process(*args)
        self.cold_calls += answer is not Pause.TURN
        return answer


class World:
    """The routing floor, and what it wants done outside.

    Files are written at once unless `holds_writes`; then `finish_write` does it. Work
    in steps is finished at once unless `holds_work`; then `next_step` does a share.
    `conversations` has those of connections that speak HTTP.
    """

    def __init__(self, *, started_ms: int = 0, **options: Any) -> None:
        self.now_ms = started_ms
        self.cpu_ms = 0
        self.options = Options(data_dir="data", **options)
        self.processor = CountingProcessor(
            self.options, lambda: WALL_MILLIS, started_ms
        )
        self.state = self.processor.state
        # On the pure twin, too, so that both take the same steps.
        self.state.registration_reader.scans = True
        self.tables = self.state.tables
        self.live = self.tables.broker_live_table
        self.liveness = self.state.liveness
        self.holds_writes = False
        self.holds_work = False
        self.write_error: StorageError | None = None
        self.writes: list[FileWrite] = []
        self.files: dict[str, bytes] = {}
        self.events: list[LogEvent] = []
        self.changes: list[Event] = []
        self.audited: list[AuditEvent] = []
        self.notifications: list[Notification] = []
        self.queries: list[RouteQuery] = []
        self.closed: list[Connection] = []
        self.ended: set[Connection] = set()
        self.late_output: dict[Connection, bytes] = {}
        self.conversations: dict[Connection, Any] = {}
        self.connection = self.connect()
        self.state.events.add(self.changes.append)
        outbox = self.state.outbox
        lines = ChangeLines(self.events.append, lambda: outbox.is_debugging)
        self.state.events.add(lines)

    def connect(self, remote_address: str = "10.0.0.9:40000") -> Connection:
        """A new connection."""
        return vars(state_module)["Connection"](self.state.hot, remote_address)

    def send(self, data: bytes, connection: Connection = None) -> bytes:
        """Feed bytes, in a turn of the loop; everything that the peer reads for it."""
        connection = connection or self.connection
        self.state.turn.begin()
        output = connection.receive(data, self.now_ms)
        self.flush()
        return output + self.late_output.pop(connection, b"")

    def next_turn(self, connection: Connection) -> bytes:
        """Give the connection its next turn; returns the bytes for the peer."""
        self.state.turn.begin()
        self.state.unfinished.go_on(others_wait=True)
        output = connection.resume(self.now_ms)
        self.flush()
        return output + self.late_output.pop(connection, b"")

    def next_step(self) -> None:
        """A turn of the loop for work that was not finished."""
        self.state.turn.begin()
        self.state.unfinished.go_on(others_wait=True)
        self.flush()

    def ask(
        self,
        code: int,
        ext_fields: ExtFields = None,
        body: bytes = b"",
        connection: Connection = None,
        **more: Any,
    ) -> Answer:
        """Send one request; its one answer."""
        return self.only(self.send(request(code, ext_fields, body, **more), connection))

    def register(
        self,
        broker: Broker | None = None,
        body: bytes | None = None,
        *,
        ext: Mapping[str, str | None] | None = None,
        connection: Connection = None,
        version: int = 479,
    ) -> Answer:
        """REGISTER_BROKER; its answer."""
        sent = registration(broker or Broker(), body, ext=ext, version=version)
        return self.only(self.send(sent, connection))

    def only(self, data: bytes) -> Answer:
        """The one answer in `data`."""
        answers = read_answers(data)
        assert len(answers) == 1, answers
        return answers[0]

    def route(self, topic: str, **more: Any) -> Any:
        """The route of a topic as parsed JSON, None for code 17."""
        answer = self.ask(105, {"topic": topic}, **more)
        assert answer.code in (0, 17)
        return answer.json if answer.code == 0 else None

    def close(self, connection: Connection = None) -> None:
        """A connection ended."""
        connection = connection or self.connection
        self.ended.add(connection)
        self.liveness.on_channel_destroy(connection, self.cpu_ms, self.now_ms)
        self.flush()

    def tick(self, millis: int = 0) -> None:
        """Time passes in one go, then the server ticks."""
        self.now_ms += millis
        self.liveness.tick(self.cpu_ms, self.now_ms)
        self.flush()

    def work(self, millis: int) -> None:
        """The process is busy for so long; it does not tick meanwhile."""
        self.now_ms += millis
        self.cpu_ms += millis

    def run(self, millis: int) -> None:
        """Time passes while the server ticks as often as it does."""
        end = self.now_ms + millis
        while self.now_ms < end:
            self.tick(min(500, end - self.now_ms))

    def flush(self) -> None:
        """Do what the outbox says, and what follows from that."""
        self._finish_work()
        while self.state.outbox:
            for effect in self.state.outbox.take():
                self._do(effect)
            while self.writes and not self.holds_writes:
                self.finish_write()
            self._finish_work()

    def _finish_work(self) -> None:
        if not self.holds_work:
            self.state.unfinished.finish()

    def _do(self, effect: Effect) -> None:
        if isinstance(effect, Event):
            self.state.events.publish(effect, _sink_failed)
        elif isinstance(effect, LogEvent):
            self.events.append(effect)
        elif isinstance(effect, AuditEvent):
            self.audited.append(effect)
        elif isinstance(effect, Notification):
            self.notifications.append(effect)
        elif isinstance(effect, RouteQuery):
            self.queries.append(effect)
        elif isinstance(effect, Close):
            self.closed.append(effect.connection)
        elif isinstance(effect, LateAnswer):
            self._resume(effect)
        elif isinstance(effect, LongAnswer):
            frame = b"".join(effect.pieces)
            assert len(frame) == effect.kept_bytes
            self._resume(LateAnswer(effect.connection, frame))
        else:
            self.writes.append(effect)

    def drop_topic(self, topic: str) -> None:
        """A topic goes, without a request."""
        entry = self.tables.topic_queue_table.get(topic)
        if entry is not None:
            for name in list(entry.queues):
                self.tables.remove_queue(entry, name, TopicChanges())

    def finish_write(self) -> None:
        """The oldest file that waits is written, or cannot be (`write_error`)."""
        write = self.writes.pop(0)
        content = b"".join(write.content())
        if self.write_error is None:
            self.files[write.path] = content
        write.done(self.write_error)
        self.flush()

    def _resume(self, answer: LateAnswer) -> None:
        if answer.connection in self.ended:
            return
        conversation = self.conversations.get(answer.connection, answer.connection)
        output = conversation.resume(self.now_ms, answer.frame)
        before = self.late_output.get(answer.connection, b"")
        self.late_output[answer.connection] = before + output

    def packed_routes(self, saved_millis: int = 5) -> bytes:
        """All routes, as a file has them."""
        kept = KeptRoutes(self.state)
        kept.begin()
        while kept.has_waiting:
            kept.pack_next()
        file = FIRST_LINE
        for record in kept.finish(saved_millis, self.now_ms).records:
            assert not isinstance(record, Place), "there is no file to copy from"
            whole = record.whole() if isinstance(record, Pieces) else [record]
            file += b"".join(whole)
        return file

    def begin_warm(
        self, data: bytes, lease_millis: int, served_millis: int = 0
    ) -> None:
        """Take over the routes of a file, of a run that had served for so long. Raises
        SnapshotInvalid."""
        self.options.warm_start_lease_millis = lease_millis
        KeptRoutes(self.state).take_over(
            read_snapshot(data), served_millis, self.now_ms
        )
        self.state.refresh_hot_path(self.now_ms)

    def event(self, phrase: str) -> dict[str, object]:
        """The facts of the last log event with this phrase."""
        found = [e for e in self.events if e.event == phrase]
        assert found, f"{phrase!r} is not among {[e.event for e in self.events]}"
        return found[-1].fields

    def has_event(self, phrase: str) -> bool:
        """Whether something was logged."""
        return any(e.event == phrase for e in self.events)

    @property
    def topics(self) -> dict[str, dict[str, int]]:
        """topic -> broker name -> perm."""
        table = self.tables.topic_queue_table
        return {
            topic: {name: data.perm for name, data in entry.queues.items()}
            for topic, entry in table.items()
        }

    @property
    def addrs(self) -> dict[str, dict[int, str | None]]:
        """broker name -> id -> address."""
        table = self.tables.broker_addr_table
        return {name: dict(data.broker_addrs) for name, data in table.items()}

    @property
    def live_keys(self) -> set[tuple[str, str]]:
        """(cluster, address) of every live broker."""
        return {info.key for info in self.live.entries()}


def _sink_failed(sink: Sink, error: Exception) -> None:
    raise error

"""Real protocols over fake transports; the loop turns when a test asks for it."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from namesrv.errors import StorageError
from namesrv.routing.outbox import BURST, FileWrite, LogEvent
from namesrv.routing.requests.processor import RequestProcessor
from namesrv.server.clock import MachineClock, monotonic_millis, wall_millis
from namesrv.server.connections.protocol import NamesrvProtocol
from namesrv.server.connections.registry import Connections
from namesrv.server.life.effects import Effects
from namesrv.server.logs.events import EventLog
from namesrv.testing.peer import Answer, read_answers
from tests.server.server_thread import local_options

# What the log says when a peer's fault closes its connection.
FAULT = "protocol error, closing connection"


class Line(NamedTuple):
    """One event that would have been logged."""

    level: int
    event: str
    fields: dict[str, object]


class RecordedLog(EventLog):
    """Keeps the events instead of writing them."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(monotonic)
        self.lines: list[Line] = []

    def log_event(
        self,
        level: int,
        event: str,
        fields: Any,
        *,
        peer_caused: bool = True,
        burst: int = BURST,
    ) -> None:
        self.lines.append(Line(level, event, dict(fields)))

    def events_shown(self) -> list[str]:
        """What people see who do not debug."""
        return [line.event for line in self.lines if line.level > logging.DEBUG]


class FakeTransport(asyncio.Transport):
    """Takes all that is written, and remembers its calls. The slices of one answer are
    one write."""

    def __init__(self, peername: tuple[Any, ...] | None) -> None:
        super().__init__()
        self.peername = peername
        self.writes: list[bytes] = []
        self._sliced: object = None
        self.longest_call_bytes = 0
        self.unsent_bytes = 0
        self.reading = True
        self.is_closed = False
        self.is_aborted = False
        self.is_ended = False
        self.limits: tuple[int | None, int | None] = (None, None)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.peername if name == "peername" else default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert data, "an empty write"
        assert not self.is_closed, "a write after the end"
        assert not self.is_ended, "a write after the end of the output"
        self.longest_call_bytes = max(self.longest_call_bytes, len(data))
        whole = data.obj if isinstance(data, memoryview) else None
        if whole is not None and whole is self._sliced:
            self.writes[-1] += data
        else:
            self.writes.append(bytes(data))
        self._sliced = whole

    def write_eof(self) -> None:
        self.is_ended = True

    def get_write_buffer_size(self) -> int:
        return self.unsent_bytes

    def set_write_buffer_limits(
        self, high: int | None = None, low: int | None = None
    ) -> None:
        self.limits = (high, low)

    def is_reading(self) -> bool:
        return self.reading

    def pause_reading(self) -> None:
        assert self.reading, "paused twice"
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading, "resumed twice"
        self.reading = True

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        assert not self.is_closed, "closed twice"
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = self.is_aborted = True


class LoopFreePeer:
    """One connection to the loop-free server."""

    def __init__(self, protocol: NamesrvProtocol, transport: FakeTransport) -> None:
        self.protocol = protocol
        self.transport = transport

    def receive(self, *frames: bytes) -> None:
        """One read."""
        self.protocol.data_received(b"".join(frames))

    def answers(self) -> list[Answer]:
        """All that was answered so far."""
        return read_answers(b"".join(self.transport.writes))

    def write_sizes(self) -> list[int]:
        """Bytes of each write so far."""
        return [len(data) for data in self.transport.writes]

    def opaques(self) -> list[int]:
        """Which requests were answered so far."""
        return [answer.opaque for answer in self.answers()]


class LoopFreeServer:
    """Real tables, real connections; the rest is played.

    Files are "written" when the test says so, and the loop turns with `turn`.
    """

    def __init__(self, data_dir: Path, **options: Any) -> None:
        self.options = local_options(data_dir, **options)
        started_ms = monotonic_millis()
        self.processor = RequestProcessor(self.options, wall_millis, started_ms)
        self.state = self.processor.state
        self.log = RecordedLog()
        limit = self.options.max_connections or 1000
        self.writes: list[FileWrite] = []
        self._callbacks: list[Callable[[], None]] = []
        self.connections = Connections(
            self.state,
            self.log,
            lambda: self.effects.flush(),
            limit,
            self.call_soon,
            MachineClock(),
        )
        self.failures: list[Exception] = []
        self.effects = Effects(
            self.state.outbox,
            self.state.events,
            self.connections,
            {LogEvent: self.log.put, FileWrite: self.writes.append},
            lambda sink, error: self.failures.append(error),
        )

    def accept(
        self,
        peername: tuple[Any, ...] | None = ("10.0.0.1", 5000),
        came_from: tuple[str, int] | None = None,
    ) -> LoopFreePeer:
        """A peer connects; `came_from` is the address that was accepted."""
        protocol = NamesrvProtocol(self.connections, came_from)
        transport = FakeTransport(peername)
        protocol.connection_made(transport)
        return LoopFreePeer(protocol, transport)

    def call_soon(self, callback: Callable[[], None]) -> None:
        """As an event loop's."""
        self._callbacks.append(callback)

    def turn(self) -> bool:
        """One turn of the loop; whether there was anything to do."""
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()
        return bool(callbacks)

    def turn_until_quiet(self) -> int:
        """Turns until there is nothing to do; how many."""
        turns = 0
        while self.turn():
            turns += 1
        return turns

    def finish_write(self, error: StorageError | None = None) -> None:
        """The oldest file has been replaced, or could not be."""
        self.writes.pop(0).done(error)
        self.effects.flush()


# Makes a loop-free server with the options given; a fixture.
SetStage = Callable[..., LoopFreeServer]

"""A server without sockets and loop, with all the parts that companions read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from namesrv.admin.api.endpoint import Call
from namesrv.admin.http.messages import HttpAnswer, HttpRequest
from namesrv.admin.metrics.endpoints import ENDPOINTS
from namesrv.admin.streams.streams import Streams
from namesrv.routing.warm_start.draft import KeptRoutes
from namesrv.server.files.writer import WriteJob
from namesrv.server.inside import Inside
from namesrv.server.life.ticks import Ticks
from namesrv.server.warm_start.files import DiskFiles
from namesrv.server.warm_start.pace import LoopPace
from namesrv.server.warm_start.schedule import Snapshots
from namesrv.work import WAIT, Steps
from tests.admin.http.talk import Open
from tests.server.loop_free_server import LoopFreePeer, LoopFreeServer


class MovedClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.cpu_ms = 0

    def monotonic_millis(self) -> int:
        return self.now_ms

    def wall_millis(self) -> int:
        return 1_700_000_000_000 + self.now_ms

    def cpu_millis(self) -> int:
        return self.cpu_ms


class InsideServer:
    """A loop-free server and its inside; `get` asks an endpoint."""

    def __init__(self, data_dir: Path, **options: Any) -> None:
        self.loop_free = LoopFreeServer(data_dir, **options)
        self.state = self.loop_free.state
        self.clock = MovedClock()
        self.clock.now_ms = self.state.started_ms
        self.jobs: list[WriteJob] = []
        connections, log = self.loop_free.connections, self.loop_free.log
        flush = self.loop_free.effects.flush
        snapshots = Snapshots(
            self.state,
            KeptRoutes(self.state),
            DiskFiles(log),
            self.jobs.append,
            log,
            self.clock,
            self._call_later,
            LoopPace(self.clock),
            can_write=True,
        )
        self.ticks = Ticks(
            self.state,
            connections,
            snapshots,
            flush,
            self.clock,
            lambda: None,
            lambda: None,
        )
        self.inside = Inside(
            self.loop_free.options,
            self.state,
            self.loop_free.processor,
            connections,
            snapshots,
            self.ticks,
            self.clock,
            log,
        )
        self.streams = Streams(self.inside, Open())
        self.peer: LoopFreePeer = self.loop_free.accept()

    def _call_later(self, seconds: float, call: Callable[[], None]) -> "InsideServer":
        call()
        return self

    def cancel(self) -> None:
        """A call that was made at once cannot be cancelled."""

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms

    def tick(self, millis: int = 100) -> None:
        """Time passes in one go, then the server ticks."""
        self.clock.now_ms += millis
        self.ticks.tick()

    def get(self, path: str, **headers: str) -> HttpAnswer:
        """The answer of an endpoint; work in steps is finished at once."""
        endpoint = next(e for e in ENDPOINTS if e.path == path)
        request = HttpRequest("GET", path, headers=headers)
        connection = self.peer.protocol.connection
        inside, now_ms = self.inside, self.now_ms
        call = Call(inside, connection, request, None, None, now_ms, self.streams)
        handled = endpoint.handler(call)
        if isinstance(handled, HttpAnswer):
            return handled
        assert not isinstance(handled, int)
        return self.finish(handled)  # type: ignore[arg-type]

    def finish(self, steps: Steps[HttpAnswer]) -> HttpAnswer:
        """All steps; none is longer than a turn."""
        while True:
            try:
                units = next(steps)
            except StopIteration as stop:
                answer: HttpAnswer = stop.value
                return answer
            assert units == WAIT or 0 <= units <= 1000

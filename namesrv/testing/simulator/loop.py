"""An event loop that turns on demand, its transports, and a silent log."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from namesrv.routing.outbox import BURST
from namesrv.server.logs.events import EventLog

Callback = Callable[[], None]


class VirtualQueue:
    """Callbacks in line for a turn of the loop."""

    def __init__(self) -> None:
        self._callbacks: deque[Callback] = deque()

    def call_soon(self, callback: Callback) -> None:
        """As an event loop's."""
        self._callbacks.append(callback)

    def run_one(self) -> bool:
        """Call the first one; whether there was any."""
        if not self._callbacks:
            return False
        self._callbacks.popleft()()
        return True

    def run_all(self) -> bool:
        """Call everything, also callbacks that are put in line meanwhile; whether there
        was any."""
        ran = False
        while self.run_one():
            ran = True
        return ran


class _Timer:
    def __init__(self, callback: Callback) -> None:
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualTimers:
    """Timers that are due at the next tick, whatever their time."""

    def __init__(self) -> None:
        self._timers: list[_Timer] = []

    def call_later(self, seconds: float, callback: Callback) -> _Timer:
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


class VirtualTransport(asyncio.Transport):
    """Keeps everything that is written until it is taken; its peer always reads.

    `on_close` is called when the server closes it.
    """

    def __init__(self, peername: tuple[str, int], on_close: Callback) -> None:
        super().__init__({"peername": peername})
        self._on_close = on_close
        self._output = bytearray()
        self._is_closing = False

    def take(self) -> bytes:
        """Everything that was written since the last call."""
        output = bytes(self._output)
        self._output.clear()
        return output

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes."""
        self._output += data

    def get_write_buffer_size(self) -> int:
        """Nothing waits to be sent."""
        return 0

    def set_write_buffer_limits(
        self, high: int | None = None, low: int | None = None
    ) -> None:
        """There is no limit to be reached."""

    def pause_reading(self) -> None:
        """The world delivers nothing to a connection that waits."""

    def resume_reading(self) -> None:
        """See `pause_reading`."""

    def is_closing(self) -> bool:
        """Whether it is closing or closed."""
        return self._is_closing

    def end(self) -> None:
        """The other side has closed it."""
        self._is_closing = True

    def close(self) -> None:
        """Close it from this side."""
        if not self._is_closing:
            self._is_closing = True
            self._on_close()

    def abort(self) -> None:
        """Close it from this side."""
        self.close()


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


def run(steps: Any) -> None:
    """Run a coroutine that never waits for anything real."""
    try:
        steps.send(None)
    except StopIteration:
        return
    raise RuntimeError("a simulated server waits for a real event")

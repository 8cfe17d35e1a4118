"""Companions: services of the same process that start and stop with a server."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from traceback import format_exception
from typing import Final, Protocol

from namesrv.errors import StartFailed
from namesrv.server.logs.events import EventLog
from namesrv.server.nameserver import NameServer

STOP_SECONDS: Final = 2.0
"""How long the end of the server waits for one companion."""


class Companion(Protocol):
    """A service beside a server, such as an HTTP port.

    Both methods run on the server's event loop and must not block it.
    """

    async def start(self, server: NameServer) -> None:
        """Start; the server answers already. An exception ends the server."""

    async def stop(self) -> None:
        """Stop; the server still answers. Called only after a `start` that returned."""


async def serve_with(
    server: NameServer,
    companions: Iterable[Companion],
    on_started: Callable[[NameServer], None],
) -> None:
    """Serve until `request_stop`, with companions that start first and stop last.

    `server` has started, and the caller stops it. Raises StartFailed if a companion
    cannot start.
    """
    served = asyncio.ensure_future(server.serve())
    running = _Companions(companions)
    try:
        if await running.start(server, served):
            on_started(server)
        await served
    finally:
        served.cancel()
        await running.stop()


class _Companions:
    """Starts companions in order, and stops them in reverse order."""

    def __init__(self, companions: Iterable[Companion]) -> None:
        self._waiting = list(companions)
        self._started: list[Companion] = []
        self._log = EventLog()

    async def start(self, server: NameServer, served: asyncio.Future[None]) -> bool:
        """Start all. False if a signal ended the server before they had started."""
        for companion in self._waiting:
            starting = asyncio.ensure_future(companion.start(server))
            await asyncio.wait((starting, served), return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                starting.cancel()
                return False
            if error := _error_of(starting):
                raise self._start_failed(companion, error)
            self._started.append(companion)
        return True

    async def stop(self) -> None:
        """Stop those that have started; failures are logged."""
        while self._started:
            companion = self._started.pop()
            stopping = asyncio.ensure_future(companion.stop())
            await asyncio.wait((stopping,), timeout=STOP_SECONDS)
            if not stopping.done():
                stopping.cancel()
                late = TimeoutError(f"it takes longer than {STOP_SECONDS} s")
                self._report("a companion failed to stop", companion, late)
            elif error := _error_of(stopping):
                self._report("a companion failed to stop", companion, error)

    def _start_failed(self, companion: Companion, error: BaseException) -> StartFailed:
        """One sentence; the log has the traceback of a mistake in its code."""
        if isinstance(error, StartFailed):
            return error
        if not isinstance(error, OSError):
            self._report("a companion failed to start", companion, error)
        reason = str(error) or type(error).__name__
        name = type(companion).__name__
        failure = StartFailed(f"the companion {name} cannot start: {reason}")
        failure.__cause__ = error
        return failure

    def _report(self, event: str, companion: Companion, error: BaseException) -> None:
        text = "".join(format_exception(error, limit=-2))
        fields = {"companion": type(companion).__name__, "error": text}
        self._log.log_own(logging.ERROR, event, fields)


def _error_of(task: asyncio.Future[None]) -> BaseException | None:
    return asyncio.CancelledError() if task.cancelled() else task.exception()

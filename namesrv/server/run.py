"""Run a server until a signal ends it: loop, signals and collector of a process."""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable
from typing import Any, Final

from namesrv.errors import StartFailed
from namesrv.options import Options
from namesrv.server.connections.file_limit import raise_file_limit
from namesrv.server.nameserver import NameServer

_LOOK_SECONDS: Final = 0.1
_FULL_SECONDS: Final = 60.0
_YOUNG: Final = 2000, 20
"""Thresholds of the two young generations."""
_NEVER: Final = 1 << 30
_FEW_BLOCKS: Final = 50_000


class Collector:
    """Keeps CPython's garbage collector from stopping the loop.

    The tables are millions of objects that reference counting frees, and a collection
    of the oldest generation visits them all: 200 ms on a large server, when it has
    grown by a quarter. Here that generation is collected while it is small, and what is
    left of it is not visited again. Transports of asyncio's own loop end as cycles;
    so everything is visited when much more is allocated than the last time, at most
    once a minute.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        gc.set_threshold(*_YOUNG, _NEVER)
        gc.freeze()
        self._blocks = sys.getallocatedblocks()
        self._next_full = loop.time() + _FULL_SECONDS
        self._look_again()

    def _look(self) -> None:
        _, _, young_collections = gc.get_count()
        if young_collections:
            gc.collect()
            gc.freeze()
        if self._loop.time() >= self._next_full:
            self._next_full = self._loop.time() + _FULL_SECONDS
            self._collect_all_if_grown()
        self._look_again()

    def _look_again(self) -> None:
        self._loop.call_later(_LOOK_SECONDS, self._look)

    def _collect_all_if_grown(self) -> None:
        if sys.getallocatedblocks() <= self._blocks + self._blocks // 4 + _FEW_BLOCKS:
            return
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        self._blocks = sys.getallocatedblocks()


def run(
    options: Options,
    on_started: Callable[[NameServer], None],
    read_options: Callable[[], Options],
) -> None:
    """Serve until SIGTERM or SIGINT; `on_started` is called once it answers, and
    `read_options`, which may raise OptionsInvalid, at SIGHUP.

    Raises StartFailed.
    """
    raise_file_limit()
    with asyncio.Runner(loop_factory=loop_factory(options.loop)) as runner:
        runner.run(_serve(options, on_started, read_options))


async def _serve(
    options: Options,
    on_started: Callable[[NameServer], None],
    read_options: Callable[[], Options],
) -> None:
    server = NameServer(options)
    # Before the start, in which it would kill; nothing waits there until all is built.
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, server.reload, read_options)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    await server.start()
    Collector(loop)
    try:
        _install_signals(server)
        on_started(server)
        await server.serve()
    finally:
        await server.stop()


def _install_signals(server: NameServer) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.request_stop)


def loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """Makes the loop; auto is uvloop where it is installed. Raises StartFailed."""
    if name == "asyncio":
        return asyncio.new_event_loop
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        if name == "uvloop":
            raise StartFailed(
                "loop is uvloop, which is not installed: install it, or choose "
                "--loop asyncio"
            ) from None
        return asyncio.new_event_loop
    factory: Callable[[], Any] = uvloop.new_event_loop
    return factory

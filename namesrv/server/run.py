"""Run a server until a signal ends it: the event loop and the signals of a process."""

import asyncio
import signal
from collections.abc import Callable
from typing import Any

from namesrv.errors import StartFailed
from namesrv.options import Options
from namesrv.server.connections.file_limit import raise_file_limit
from namesrv.server.nameserver import NameServer


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

"""Run a server until a signal ends it: loop, signals and collector of a process."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterable
from typing import Any

from namesrv.errors import OptionsInvalid, StartFailed
from namesrv.option_sources import checked
from namesrv.options import Options
from namesrv.server.connections.file_limit import make_room_for_files, raise_file_limit
from namesrv.server.files.home import expand_home
from namesrv.server.nameserver import NameServer
from namesrv.server.running.collector import Collector
from namesrv.server.running.companions import Companion, serve_with


def run(
    options: Options,
    *,
    companions: Iterable[Companion] = (),
    on_started: Callable[[NameServer], None] = lambda server: None,
    read_options: Callable[[], Options] | None = None,
) -> None:
    """Serve in the main thread until SIGTERM or SIGINT.

    `on_started` is called once the server answers and `companions` have started.
    SIGHUP calls `read_options`, which may raise OptionsInvalid, and reloads; without
    it, access keys and certificates are reloaded.

    Raises OptionsInvalid before anything is opened, and StartFailed.
    """
    if threading.current_thread() is not threading.main_thread():
        raise StartFailed(
            "namesrv.run is called in another thread than the main one, which alone can"
            " handle signals: use namesrv.serving there"
        )
    options = usable(options)
    raise_file_limit()
    make_room_for_files()
    reread = read_options or (lambda: options)
    with asyncio.Runner(loop_factory=loop_factory(options.loop)) as runner:
        runner.run(_serve(options, companions, on_started, reread))


async def _serve(
    options: Options,
    companions: Iterable[Companion],
    on_started: Callable[[NameServer], None],
    read_options: Callable[[], Options],
) -> None:
    server = NameServer(options)
    # SIGHUP comes first: its default action would end the process during the start,
    # which does not yield to the loop before everything is built.
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, server.reload, read_options)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    loop.set_exception_handler(server.on_loop_error)
    await server.start()
    Collector(loop)
    try:
        _install_signals(server)
        await serve_with(server, companions, on_started)
    finally:
        await server.stop()


def _install_signals(server: NameServer) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.request_stop)


def usable(options: Options) -> Options:
    """A checked copy of `options`, with the home directory in its paths.

    Raises OptionsInvalid with all mistakes.
    """
    found = checked(options)
    mistakes = expand_home(found)
    if mistakes:
        raise OptionsInvalid(mistakes)
    return found


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

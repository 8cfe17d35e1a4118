"""A server in a thread of a host program, for its tests and tools."""

import asyncio
import logging
import tempfile
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from namesrv.errors import StartFailed
from namesrv.options import Options
from namesrv.server.nameserver import NameServer
from namesrv.server.running.companions import Companion, serve_with
from namesrv.server.running.exposure import exposure_warning
from namesrv.server.running.run import loop_factory, usable


@contextmanager
def serving(
    options: Options | None = None, *, companions: Iterable[Companion] = ()
) -> Iterator["ServingThread"]:
    """Run a server in a thread of its own until the `with` block ends.

    Gives an object whose `addresses` are the real (host, port) pairs. Without a
    `data_dir` of its own the server keeps its files in a temporary directory. It leaves
    signals, the set-up of logging and every event loop of the host as they are.

    Raises OptionsInvalid and StartFailed.
    """
    with ExitStack() as stack:
        found = options or Options()
        if found.data_dir == Options().data_dir:
            folder = tempfile.TemporaryDirectory(prefix="namesrv-")
            found = _moved(found, stack.enter_context(folder))
        thread = ServingThread(usable(found), companions)
        stack.callback(thread.stop)
        thread.start()
        yield thread


def _moved(options: Options, folder: str) -> Options:
    """The same options with another data directory, and their files in it."""
    standard = Options()
    # An empty path becomes that of a file in the data directory.
    kv_config_path, store = options.kv_config_path, options.config_store_path
    return replace(
        options,
        data_dir=folder,
        kv_config_path=""
        if kv_config_path == standard.kv_config_path
        else kv_config_path,
        config_store_path="" if store == standard.config_store_path else store,
    )


class ServingThread:
    """The thread of `serving`. Its attributes may be read from any thread."""

    def __init__(self, options: Options, companions: Iterable[Companion]) -> None:
        self._options = options
        self._companions = companions
        self._server = NameServer(options)
        self._listening: Future[asyncio.AbstractEventLoop] = Future()
        self._started: Future[None] = Future()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="namesrv")

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The (host, port) of each listener; an IPv6 host has no brackets."""
        return self._server.addresses

    @property
    def http_addresses(self) -> list[tuple[str, int]]:
        """The same of the listeners of `httpBind`."""
        return self._server.http_addresses

    def start(self) -> None:
        """Return once the server answers. Raises StartFailed."""
        self._thread.start()
        self._started.result()

    def stop(self) -> None:
        """Stop the server and wait for its end. Raises the exception that ended it."""
        if self._thread.ident is None:
            return
        if self._listening.exception() is None:
            loop = self._listening.result()
            if self._thread.is_alive():
                self._ask_to_stop(loop)
        self._thread.join()
        if self._failure is not None and self._started.exception() is None:
            raise self._failure

    def _ask_to_stop(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.call_soon_threadsafe(self._server.request_stop)
        except RuntimeError:
            # The loop is closed: the server has ended by itself.
            return

    def _run(self) -> None:
        try:
            factory = loop_factory(self._options.loop)
            with asyncio.Runner(loop_factory=factory) as runner:
                runner.run(self._serve())
        except BaseException as error:
            self._failure = error
        ended = self._failure or StartFailed("the server was stopped before it started")
        for future in (self._listening, self._started):
            if not future.done():
                future.set_exception(ended)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._server.on_loop_error)
        await self._server.start()
        try:
            self._listening.set_result(loop)
            await serve_with(self._server, self._companions, self._on_started)
        finally:
            await self._server.stop()

    def _on_started(self, server: NameServer) -> None:
        warning = exposure_warning(self._options, server.addresses)
        if warning is not None:
            logging.getLogger("namesrv").warning(warning)
        self._started.set_result(None)

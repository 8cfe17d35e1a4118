"""A whole server in a thread of the test's process, on a port of its own."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self, TypeVar

import uvloop

from namesrv.options import Options
from namesrv.server.nameserver import NameServer
from namesrv.testing.peer import WAIT_SECONDS, Address, Peer

Result = TypeVar("Result")

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def local_options(data_dir: Path, **values: Any) -> Options:
    """Options of a server that only this test reaches."""
    return Options(
        **{
            "bind_address": "127.0.0.1",
            "listen_port": 0,
            "data_dir": str(data_dir),
            **values,
        }
    )


class ServerThread:
    """Runs a NameServer until the `with` block ends."""

    def __init__(self, options: Options, loop_name: str = "uvloop") -> None:
        self.server = NameServer(options)
        self._loop_factory = LOOPS[loop_name]
        self._started: Future[asyncio.AbstractEventLoop] = Future()
        self._ended: Future[None] = Future()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        self.loop = self._started.result(WAIT_SECONDS)
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def address(self) -> Address:
        """The first address that it listens on."""
        return self.server.addresses[0]

    def peer(self) -> Peer:
        """A new connection to it."""
        return Peer(self.address)

    def stop(self) -> None:
        """Ask it to stop and wait until it has."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.server.request_stop)
        self._thread.join(WAIT_SECONDS)
        self._ended.result(0)

    def on_loop(self, look: Callable[[], Result]) -> Result:
        """What `look` returns when it is called between two turns of the loop."""

        async def call() -> Result:
            return look()

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(WAIT_SECONDS)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=self._loop_factory) as runner:
                runner.run(self._serve())
        except BaseException as error:
            if not self._started.done():
                self._started.set_exception(error)
            self._ended.set_exception(error)
        else:
            self._ended.set_result(None)

    async def _serve(self) -> None:
        await self.server.start()
        self._started.set_result(asyncio.get_running_loop())
        try:
            await self.server.serve()
        finally:
            await self.server.stop()


# Starts a server with the options given; a fixture.
Serve = Callable[..., ServerThread]

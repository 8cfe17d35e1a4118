"""The loop's acceptor: its connections, its rests and its end."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, cast

import pytest

from namesrv.server.connections.acceptor import Acceptor, Joining, join_loop
from namesrv.testing.peer import WAIT_SECONDS
from tests.server.connections.backlog import backlog
from tests.server.server_thread import LOOPS

Run = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


class PoorListener(socket.socket):
    """Its next `accept` fails with `error_number`, unless that is 0."""

    error_number = 0
    calls = 0

    def accept(self) -> tuple[socket.socket, Any]:
        self.calls += 1
        if self.error_number:
            raise OSError(self.error_number, os.strerror(self.error_number))
        return super().accept()


class Greeter(asyncio.Protocol):
    """Sends one letter."""

    def __init__(self) -> None:
        self.ends: list[BaseException | None] = []
        self.is_without_delay = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        accepted = transport.get_extra_info("socket")
        value = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        self.is_without_delay = bool(value)
        cast(asyncio.WriteTransport, transport).write(b"!")

    def connection_lost(self, exc: BaseException | None) -> None:
        self.ends.append(exc)


class Stage:
    """An acceptor on the loop that runs, and its greeters."""

    def __init__(self) -> None:
        # asyncio sends small answers at once where it sees the number of TCP.
        self.listener = PoorListener(proto=socket.IPPROTO_TCP)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(100)
        self.address = self.listener.getsockname()
        self.greeters: list[Greeter] = []
        self.failures: list[OSError] = []
        self.came_from: list[tuple[str, int]] = []
        self.most_joining = 0
        self.joining: Joining = set()
        self.acceptor = Acceptor(
            self.listener, self._greeter, self.failures.append, self.joining
        )

    def _greeter(self, address: tuple[str, int]) -> Greeter:
        self.most_joining = max(self.most_joining, len(self.joining))
        self.came_from.append(address)
        self.greeters.append(Greeter())
        return self.greeters[-1]

    async def greeted(self) -> None:
        """Connect, read the letter, and close."""
        reader, writer = await asyncio.open_connection(*self.address)
        assert await reader.readexactly(1) == b"!"
        writer.close()
        await writer.wait_closed()

    async def until(self, is_so: Callable[[], object]) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while not is_so():
                await asyncio.sleep(0.01)


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Runs a coroutine on either loop."""
    with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:

        def run_it(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
            runner.run(main())

        yield run_it


def test_many_connections_at_once_are_all_served(run: Run) -> None:
    async def main() -> None:
        stage = Stage()
        await asyncio.gather(*(stage.greeted() for _ in range(60)))
        await stage.until(lambda: all(greeter.ends for greeter in stage.greeters))
        assert len(stage.greeters) == 60 and not stage.failures
        assert 1 < stage.most_joining <= 16
        assert len(set(stage.came_from)) == 60
        stage.acceptor.close()

    run(main)


def test_small_answers_leave_at_once(run: Run) -> None:
    async def main() -> None:
        stage = Stage()
        await stage.greeted()
        await stage.until(lambda: stage.greeters[0].ends)
        assert stage.greeters[0].is_without_delay
        stage.acceptor.close()

    run(main)


@pytest.mark.parametrize(
    "error_number",
    [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENETDOWN],
)
def test_listener_rests_while_it_cannot_accept(run: Run, error_number: int) -> None:
    async def main() -> None:
        stage = Stage()
        stage.listener.error_number = error_number
        began = asyncio.get_running_loop().time()
        waiting = asyncio.create_task(stage.greeted())
        await stage.until(lambda: len(stage.failures) >= 3)
        seconds = asyncio.get_running_loop().time() - began
        assert stage.listener.calls == len(stage.failures) <= seconds / 0.09 + 1
        assert {error.errno for error in stage.failures} == {error_number}
        stage.listener.error_number = 0
        await waiting
        await stage.until(lambda: stage.greeters[0].ends)
        assert backlog(stage.listener) == 100
        stage.acceptor.close()

    run(main)


@pytest.mark.parametrize("error_number", [errno.ECONNABORTED, errno.EINTR])
def test_connection_that_has_gone_is_no_failure(run: Run, error_number: int) -> None:
    async def main() -> None:
        stage = Stage()
        stage.listener.error_number = error_number
        waiting = asyncio.create_task(stage.greeted())
        await stage.until(lambda: stage.listener.calls)
        stage.listener.error_number = 0
        await waiting
        await stage.until(lambda: stage.greeters[0].ends)
        assert not stage.failures
        stage.acceptor.close()

    run(main)


@pytest.mark.parametrize("error_number", [0, errno.EMFILE])
def test_closed_acceptor_accepts_no_more(run: Run, error_number: int) -> None:
    async def main() -> None:
        stage, errors = Stage(), list[Any]()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: errors.append(context))
        stage.listener.error_number = error_number
        if error_number:
            _, writer = await asyncio.open_connection(*stage.address)
            await stage.until(lambda: stage.failures)
            writer.close()
        stage.acceptor.close()
        stage.acceptor.close()
        assert stage.listener.fileno() == -1
        calls = stage.listener.calls
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*stage.address)
        await asyncio.sleep(0.15)
        assert stage.listener.calls == calls and not errors

    run(main)


def test_socket_that_the_loop_refuses_is_closed(run: Run) -> None:
    def refuse() -> Greeter:
        raise OSError(errno.ENOMEM, "no memory for a transport")

    async def main() -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            await join_loop(ours, refuse)
            assert ours.fileno() == -1

    run(main)

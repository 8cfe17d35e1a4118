"""One-way frames to brokers, over connections of our own."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from namesrv.server.outbound import notifier as notifier_module
from namesrv.server.outbound.notifier import Notifier
from namesrv.server.outbound.resolver import Resolver
from tests.server.loop_free_server import RecordedLog
from tests.server.server_thread import LOOPS

WAIT_SECONDS = 30.0
MOST_TARGETS = 3

Play = Callable[[Notifier], Awaitable[None]]


@pytest.fixture(params=LOOPS)
def play(request: pytest.FixtureRequest) -> Callable[[Play], RecordedLog]:
    """Runs a play with a notifier on either loop; nothing may be left unhandled."""

    def run(acts: Play) -> RecordedLog:
        log = RecordedLog()
        complaints: list[dict[str, Any]] = []

        async def main() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: complaints.append(context))
            notifier = Notifier(log, Resolver(), MOST_TARGETS)
            try:
                await asyncio.wait_for(acts(notifier), WAIT_SECONDS)
            finally:
                await asyncio.wait_for(notifier.close(), WAIT_SECONDS)

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(main())
        assert complaints == []
        return log

    return run


class FakeBroker:
    """Listens, and gives the connections that it accepts."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"

    async def accept(self) -> socket.socket:
        """The next connection."""
        connection, _ = await asyncio.get_running_loop().sock_accept(self.listener)
        connection.setblocking(False)
        return connection


async def receive(connection: socket.socket, size: int) -> bytes:
    """So many bytes, fewer only at the end."""
    data = b""
    while len(data) < size:
        loop = asyncio.get_running_loop()
        piece = await loop.sock_recv(connection, size - len(data))
        if not piece:
            break
        data += piece
    return data


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    """A broker that is there."""
    broker = FakeBroker()
    with broker.listener:
        yield broker


def reasons(log: RecordedLog) -> list[object]:
    """Why connections ended."""
    return [line.fields["reason"] for line in log.lines]


class TestDelivery:
    def test_frames_come_in_order_over_one_connection(
        self, play: Callable[[Play], RecordedLog], broker: FakeBroker
    ) -> None:
        async def acts(notifier: Notifier) -> None:
            for number in range(10):
                notifier.send(broker.address, bytes([number]))
            with await broker.accept() as connection:
                assert await receive(connection, 10) == bytes(range(10))
                notifier.send(broker.address, b"more")
                assert await receive(connection, 4) == b"more"

        play(acts)

    def test_every_broker_has_its_own(
        self, play: Callable[[Play], RecordedLog], broker: FakeBroker
    ) -> None:
        async def acts(notifier: Notifier) -> None:
            other = FakeBroker()
            with other.listener:
                notifier.send(other.address, b"other")
                notifier.send(broker.address, b"first")
                for who, what in ((broker, b"first"), (other, b"other")):
                    with await who.accept() as connection:
                        assert await receive(connection, 5) == what

        play(acts)

    @pytest.mark.parametrize("is_reset", [False, True])
    def test_broker_that_closed_is_called_again(
        self, play: Callable[[Play], RecordedLog], broker: FakeBroker, is_reset: bool
    ) -> None:
        async def acts(notifier: Notifier) -> None:
            notifier.send(broker.address, b"before")
            connection = await broker.accept()
            assert await receive(connection, 6) == b"before"
            if is_reset:
                linger = (1).to_bytes(4, "little") + bytes(4)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connection.close()
            # The end has arrived when the loop has polled once more.
            await asyncio.sleep(0.2)
            notifier.send(broker.address, b"again")
            with await broker.accept() as connection:
                assert await receive(connection, 5) == b"again"

        play(acts)

    def test_broker_by_name(
        self, play: Callable[[Play], RecordedLog], broker: FakeBroker
    ) -> None:
        async def acts(notifier: Notifier) -> None:
            notifier.send(f"localhost:{broker.port}", b"named")
            with await broker.accept() as connection:
                assert await receive(connection, 5) == b"named"

        infos = socket.getaddrinfo("localhost", 1, type=socket.SOCK_STREAM)
        if infos[0][4][0] == "127.0.0.1":
            play(acts)

    def test_answers_of_a_notified_broker_are_ignored(
        self, play: Callable[[Play], RecordedLog], broker: FakeBroker
    ) -> None:
        async def acts(notifier: Notifier) -> None:
            notifier.send(broker.address, b"1")
            with await broker.accept() as connection:
                loop = asyncio.get_running_loop()
                await loop.sock_sendall(connection, bytes(1 << 22))
                notifier.send(broker.address, b"2")
                assert await receive(connection, 2) == b"12"

        play(acts)


class TestFailures:
    @pytest.mark.parametrize(
        "address",
        ["", ":", "a", "127.0.0.1", "127.0.0.1:", ":x", "127.0.0.1:99999999", "a\0b:1"]
        + ["127.0.0.1:-1", "[::1:1", "ä" * 300 + ":1", "127.0.0.1:1:2"]
        + ["127.0.0.1:65536", "127.0.0.1:0", "x" * 70 + ":1", "127.0.0.1:\ud800"],
    )
    def test_address_that_is_none_is_silent(
        self,
        play: Callable[[Play], RecordedLog],
        monkeypatch: pytest.MonkeyPatch,
        address: str,
    ) -> None:
        real = socket.getaddrinfo

        def without_network(host: str, *args: Any, **more: Any) -> Any:
            # The name that is looked up is too long for a DNS server to be asked.
            return real("x" * 70, *args, **more)

        monkeypatch.setattr(socket, "getaddrinfo", without_network)

        async def acts(notifier: Notifier) -> None:
            notifier.send(address, b"frame")
            while not log_of(notifier).lines:
                await asyncio.sleep(0.01)

        assert len(reasons(play(acts))) == 1

    def test_broker_that_is_not_there_is_tried_anew_next_time(
        self, play: Callable[[Play], RecordedLog], broker: FakeBroker
    ) -> None:
        broker.listener.close()

        async def acts(notifier: Notifier) -> None:
            for count in (1, 2):
                notifier.send(broker.address, b"frame")
                while len(log_of(notifier).lines) < count:
                    await asyncio.sleep(0.01)

        assert len(reasons(play(acts))) == 2

    def test_close_does_not_wait_for_a_broker_that_does_not_read(
        self, play: Callable[[Play], RecordedLog], broker: FakeBroker
    ) -> None:
        held: list[socket.socket] = []

        async def acts(notifier: Notifier) -> None:
            notifier.send(broker.address, bytes(64 << 20))
            held.append(await broker.accept())

        play(acts)
        held.pop().close()

    def test_close_does_not_wait_for_a_name(
        self, play: Callable[[Play], RecordedLog], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer = threading.Event()

        def getaddrinfo(*args: object, **more: object) -> Any:
            answer.wait()
            raise socket.gaierror(socket.EAI_AGAIN, "never")

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

        async def acts(notifier: Notifier) -> None:
            notifier.send("slow.example:10911", b"frame")
            await asyncio.sleep(0.05)

        play(acts)
        assert not answer.is_set()
        answer.set()

    def test_silent_connection_ends_without_a_failure(
        self,
        play: Callable[[Play], RecordedLog],
        broker: FakeBroker,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(notifier_module, "_IDLE_SECONDS", 0.05)

        async def acts(notifier: Notifier) -> None:
            notifier.send(broker.address, b"frame")
            with await broker.accept() as connection:
                assert await receive(connection, 100) == b"frame"

        assert reasons(play(acts)) == ["it was idle"]


class TestLimits:
    def test_too_many_brokers_at_once(
        self, play: Callable[[Play], RecordedLog], broker: FakeBroker
    ) -> None:
        async def acts(notifier: Notifier) -> None:
            notifier.send(broker.address, b"one")
            for port in range(1, 10):
                notifier.send(f"127.0.0.1:{port}", b"two")
            with await broker.accept() as connection:
                assert await receive(connection, 3) == b"one"

        assert (
            reasons(play(acts))[:7] == ["limit of notification connections reached"] * 7
        )

    def test_long_and_short_frames_count_by_their_bytes(
        self, play: Callable[[Play], RecordedLog], broker: FakeBroker
    ) -> None:
        async def acts(notifier: Notifier) -> None:
            for _ in range(9):
                notifier.send(broker.address, bytes(65_000))
                notifier.send(broker.address, b"x")
            assert 65_000 < notifier.waiting_bytes < 2 * 65_536
            with await broker.accept() as connection:
                data = await receive(connection, notifier.waiting_bytes)
                assert len(data) == 2 * 65_000 + 1
                while notifier.waiting_bytes:
                    await asyncio.sleep(0.01)

        play(acts)

    def test_all_brokers_together_have_a_limit(
        self,
        play: Callable[[Play], RecordedLog],
        broker: FakeBroker,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(notifier_module, "_MOST_WAITING_BYTES_OF_ALL", 1000)

        async def acts(notifier: Notifier) -> None:
            notifier.send(broker.address, bytes(900))
            notifier.send(f"localhost:{broker.port}", bytes(200))
            assert notifier.waiting_bytes == 900
            with await broker.accept() as connection:
                assert len(await receive(connection, 900)) == 900

        assert reasons(play(acts))[0] == "limit of unsent notifications reached"

    def test_frames_beyond_the_limit_of_unsent_output_are_dropped(
        self, play: Callable[[Play], RecordedLog], broker: FakeBroker
    ) -> None:
        async def acts(notifier: Notifier) -> None:
            # All of them are given before the connection can be made.
            for number in range(100):
                notifier.send(broker.address, bytes([number]) * 8192)
            with await broker.accept() as connection:
                data = await receive(connection, 8 * 8192)
                assert set(data) == set(range(8))
                notifier.send(broker.address, b"end")
                assert await receive(connection, 3) == b"end"

        play(acts)


def log_of(notifier: Notifier) -> RecordedLog:
    """The log that the play gave it."""
    log = notifier._log
    assert isinstance(log, RecordedLog)
    return log

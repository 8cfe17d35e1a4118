"""Host names to addresses."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from namesrv.server.resolver import resolve


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.1", "127.0.0.1"), ("0:0::1", "::1")]
)
def test_address_is_its_own_answer(
    host: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "getaddrinfo")
    assert asyncio.run(resolve(host, 1)) == address


def test_name_is_looked_up() -> None:
    assert asyncio.run(resolve("localhost", 1)) in ("127.0.0.1", "::1")


@pytest.mark.parametrize("host", ["nobody.invalid", "", "a\0b", "x" * 70, "ä" * 500])
def test_name_that_nobody_has_is_an_error(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def without_network(name: str, *args: Any, **more: Any) -> Any:
        # No DNS server is asked by a test.
        if name == "nobody.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(name or "x" * 70, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", without_network)
    with pytest.raises((OSError, ValueError)):
        asyncio.run(resolve(host, 1))


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """DNS that does not answer until the event is set."""
    answer = threading.Event()

    def getaddrinfo(*args: object, **more: object) -> list[Any]:
        answer.wait()
        return [(0, 0, 0, "", ("192.0.2.1", 1))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield answer
    answer.set()


def test_end_of_the_loop_does_not_wait_for_an_answer(hanging: threading.Event) -> None:
    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(resolve("slow.example", 1), 0.01)

    asyncio.run(give_up())
    assert not hanging.is_set()


def test_answer_that_nobody_waits_for_is_dropped(hanging: threading.Event) -> None:
    complaints: list[dict[str, Any]] = []

    async def give_up_and_go_on() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(resolve("slow.example", 1), 0.01)
        waiting = asyncio.create_task(resolve("slow.example", 1))
        await asyncio.sleep(0)
        hanging.set()
        assert await waiting == "192.0.2.1"

    asyncio.run(give_up_and_go_on())
    assert complaints == []


def test_thread_that_cannot_be_started_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(OSError, match="can't start new thread"):
        asyncio.run(resolve("localhost", 1))

"""Host names to addresses."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from namesrv.server.outbound import resolver as resolver_module
from namesrv.server.outbound.resolver import MOST_LOOKUPS, Resolver


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.1", "127.0.0.1"), ("0:0::1", "::1")]
)
def test_address_is_its_own_answer(
    host: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "getaddrinfo")
    assert asyncio.run(Resolver().resolve(host)) == address


def test_name_is_looked_up() -> None:
    assert asyncio.run(Resolver().resolve("localhost")) in ("127.0.0.1", "::1")


@pytest.mark.parametrize("host", ["nobody.invalid", "", "a\0b", "x" * 70, "ä" * 500])
def test_lookup_of_an_unknown_name_fails(
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
        asyncio.run(Resolver().resolve(host))


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
            await asyncio.wait_for(Resolver().resolve("slow.example"), 0.01)

    asyncio.run(give_up())
    assert not hanging.is_set()


def test_late_lookup_without_a_waiter_is_dropped(hanging: threading.Event) -> None:
    complaints: list[dict[str, Any]] = []

    async def give_up_and_go_on() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        resolver = Resolver()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(resolver.resolve("slow.example"), 0.01)
        waiting = asyncio.create_task(resolver.resolve("slow.example"))
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
        asyncio.run(Resolver().resolve("localhost"))


def resolver_threads() -> set[threading.Thread]:
    return {t for t in threading.enumerate() if t.name == "namesrv-resolver"}


def test_names_that_do_not_resolve_take_a_few_threads(
    hanging: threading.Event,
) -> None:
    before = resolver_threads()

    async def ask_for_many() -> None:
        resolver = Resolver()
        asked = [
            asyncio.create_task(resolver.resolve(f"slow-{n % 50}.example"))
            for n in range(500)
        ]
        await asyncio.sleep(0)
        assert len(resolver_threads() - before) == MOST_LOOKUPS
        assert await resolver.resolve("192.0.2.9") == "192.0.2.9"
        hanging.set()
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert found.count("192.0.2.1") == 10 * MOST_LOOKUPS
        refused = [error for error in found if isinstance(error, OSError)]
        assert len(refused) == 500 - 10 * MOST_LOOKUPS
        # Once the threads are over, others can be looked up.
        assert await resolver.resolve("slow-49.example") == "192.0.2.1"

    asyncio.run(ask_for_many())


def test_who_gave_up_does_not_stay_in_line(hanging: threading.Event) -> None:
    async def give_up_often() -> int:
        resolver = Resolver()
        for _ in range(50):
            waiting = asyncio.create_task(resolver.resolve("slow.example"))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        return len(resolver._waiters["slow.example"])

    assert asyncio.run(give_up_often()) == 1


def test_slow_name_is_not_looked_up_again_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_ms, asked = 0, []

    def getaddrinfo(host: str, *args: object, **more: object) -> list[Any]:
        nonlocal now_ms
        asked.append(host)
        now_ms += 5000 if host == "slow.example" else 1
        raise socket.gaierror(socket.EAI_AGAIN, "never")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(resolver_module, "monotonic_millis", lambda: now_ms)

    async def ask() -> None:
        nonlocal now_ms
        resolver = Resolver()
        for host in ("slow.example", "slow.example", "quick.example", "quick.example"):
            with pytest.raises(OSError):
                await resolver.resolve(host)
        assert asked == ["slow.example", "quick.example", "quick.example"]
        now_ms += 30_000
        with pytest.raises(OSError):
            await resolver.resolve("slow.example")
        assert asked[-1] == "slow.example"

    asyncio.run(ask())

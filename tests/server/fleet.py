"""Many brokers at once, over real connections, that live as real ones do."""

import asyncio
import contextlib
import threading
from collections.abc import Iterable, Sequence
from typing import Self

from namesrv.codes import RequestCode
from namesrv.testing.peer import WAIT_SECONDS, Address, Broker, request, wait_until

TOPICS = {"everywhere": 8, "everywhere-else": 8}
"""Topics of every broker of a fleet."""
_BEATS_PER_REGISTRATION = 5
_RECONNECT_SECONDS = 0.1


def brokers(
    count: int, timeout_millis: int | None = None, name: str = "fleet"
) -> list[Broker]:
    """So many brokers, each a master of a name of its own."""
    return [
        Broker(
            f"{name}-{n:03}",
            addr=f"192.0.2.{1 + n % 250}:{10_000 + n}",
            timeout_millis=timeout_millis,
        )
        for n in range(count)
    ]


class Fleet:
    """Each broker registers, beats every `beat_seconds`, and now and then registers
    again; when its connection ends it makes a new one.

    The `impatient`, given by name, also do that when an answer takes longer than
    `patience_seconds`.
    """

    def __init__(
        self,
        address: Address,
        crew: Sequence[Broker],
        *,
        beat_seconds: float = 0.25,
        impatient: Iterable[str] = (),
        patience_seconds: float = 1.0,
    ) -> None:
        self.crew = crew
        self.reconnects = 0
        self._address = address
        self._beat_seconds = beat_seconds
        self._impatient = frozenset(impatient)
        self._patience_seconds = patience_seconds
        self._afloat: set[str] = set()
        self._silent: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(lambda: len(self._afloat) == len(self.crew))
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._cancel_all)
        self._thread.join(WAIT_SECONDS)

    @property
    def names(self) -> set[str]:
        """Of those that live."""
        gone = self._silent | {n for n, task in self._tasks.items() if task.cancelled()}
        return {broker.name for broker in self.crew} - gone

    def silence(self, name: str) -> None:
        """A broker dies so that nobody notices: its connection stays, and is silent."""
        self._silent.add(name)

    def sink(self, name: str) -> None:
        """A broker dies, and its connection ends with it."""
        self._loop.call_soon_threadsafe(self._tasks[name].cancel)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._live_all())
        self._loop.close()

    async def _live_all(self) -> None:
        for broker in self.crew:
            self._tasks[broker.name] = self._loop.create_task(self._live(broker))
        await asyncio.wait(self._tasks.values())

    def _cancel_all(self) -> None:
        for task in self._tasks.values():
            task.cancel()

    async def _live(self, broker: Broker) -> None:
        while True:
            try:
                await self._serve_once(broker)
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                self.reconnects += 1
                await asyncio.sleep(_RECONNECT_SECONDS)

    async def _serve_once(self, broker: Broker) -> None:
        reader, writer = await asyncio.open_connection(*self._address)
        registration = broker.registration(TOPICS)
        heartbeat = request(RequestCode.BROKER_HEARTBEAT, broker.ext_fields)
        patience = self._patience_seconds if broker.name in self._impatient else None
        try:
            beats = 0
            while True:
                is_beat = beats % _BEATS_PER_REGISTRATION
                writer.write(heartbeat if is_beat else registration)
                async with asyncio.timeout(patience):
                    await reader.readexactly(
                        int.from_bytes(await reader.readexactly(4))
                    )
                self._afloat.add(broker.name)
                beats += 1
                await asyncio.sleep(self._beat_seconds)
                while broker.name in self._silent:
                    await asyncio.sleep(self._beat_seconds)
        finally:
            with contextlib.suppress(OSError):
                writer.transport.abort()

"""Sends one-way frames to brokers over our own connections (code 905).

Failures are ignored: a broker that cannot be reached learns of its group by its own
requests. Source: `RemotingClient#invokeOneway`, protocol.md section 3.9.
"""

import asyncio
import logging
from typing import Final, cast

from namesrv.routing.outbox import Notification
from namesrv.server.logs.events import EventLog
from namesrv.server.outbound.resolver import Resolver

_CONNECT_SECONDS: Final = 3.0
_IDLE_SECONDS: Final = 120.0
_MOST_WAITING_BYTES: Final = 1 << 16
_MOST_WAITING_BYTES_OF_ALL: Final = 1 << 22


class Notifier:
    """Keeps a connection to each broker notified in the last two minutes.

    There are at most `most_targets`; `waiting_bytes` is their unsent output.
    """

    def __init__(self, log: EventLog, resolver: Resolver, most_targets: int) -> None:
        self._log = log
        self._resolver = resolver
        self._most_targets = most_targets
        self._targets: dict[str, _Target] = {}
        self.waiting_bytes = 0

    def put(self, effect: Notification) -> None:
        """Send the frame of an effect to all of its addresses."""
        for address in effect.addresses:
            self.send(address, effect.frame)

    def send(self, address: str, frame: bytes) -> None:
        """Queue a frame for `host:port`; failures are only logged."""
        if self.waiting_bytes and not self._has_room(frame):
            self._log_end(address, "limit of unsent notifications reached")
            return
        target = self._targets.get(address)
        if target is None:
            if len(self._targets) >= self._most_targets:
                self._log_end(address, "limit of notification connections reached")
                return
            target = self._targets[address] = _Target(self, self._resolver, address)
        target.send(frame)

    async def close(self) -> None:
        """End all connections."""
        tasks = [target.task for target in self._targets.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def ended(self, address: str, reason: str) -> None:
        """Forget a connection that has ended."""
        self._targets.pop(address, None)
        self._log_end(address, reason)

    def _has_room(self, frame: bytes) -> bool:
        return self.waiting_bytes + len(frame) <= _MOST_WAITING_BYTES_OF_ALL

    def _log_end(self, address: str, reason: str) -> None:
        fields = {"address": address, "reason": reason}
        self._log.log_event(logging.DEBUG, "notification connection closed", fields)


class _Target:
    """One broker address: its queue of frames, and the task that sends them."""

    def __init__(self, notifier: Notifier, resolver: Resolver, address: str) -> None:
        self._notifier = notifier
        self._resolver = resolver
        self._address = address
        self._frames: asyncio.Queue[bytes] = asyncio.Queue()
        self._waiting_bytes = 0
        self.task = asyncio.get_running_loop().create_task(self._run())

    def send(self, frame: bytes) -> None:
        if self._waiting_bytes < _MOST_WAITING_BYTES:
            self._frames.put_nowait(frame)
            self._count(len(frame))

    def _count(self, more_bytes: int) -> None:
        self._waiting_bytes += more_bytes
        self._notifier.waiting_bytes += more_bytes

    async def _run(self) -> None:
        reason = "it was idle"
        try:
            await self._send_frames()
        except TimeoutError:
            pass
        except (OSError, ValueError, OverflowError) as exc:
            reason = str(exc)
        finally:
            self._count(-self._waiting_bytes)
            self._notifier.ended(self._address, reason)

    async def _send_frames(self) -> None:
        frame = await self._frames.get()
        while True:
            async with asyncio.timeout(_CONNECT_SECONDS):
                channel = await self._connect()
            try:
                # A restarted broker has closed it; the outer loop reconnects.
                while not channel.is_over:
                    channel.transport.write(frame)
                    async with asyncio.timeout(_CONNECT_SECONDS):
                        await channel.writable.wait()
                    self._count(-len(frame))
                    async with asyncio.timeout(_IDLE_SECONDS):
                        frame = await self._frames.get()
            finally:
                channel.transport.abort()

    async def _connect(self) -> "_Channel":
        host, _, port_text = self._address.rpartition(":")
        port = int(port_text)
        address = await self._resolver.resolve(host.strip("[]"))
        loop = asyncio.get_running_loop()
        _, channel = await loop.create_connection(_Channel, address, port)
        return channel


class _Channel(asyncio.Protocol):
    """A connection for output only; answers are dropped.

    `is_over` is set once the other side has closed; `writable` while it reads.
    """

    def __init__(self) -> None:
        self.is_over = False
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def eof_received(self) -> bool:
        self.is_over = True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_over = True
        self.writable.set()

"""Sends one-way frames to brokers over connections of our own (code 905).

Failures are nobody's business: a broker that cannot be reached learns of its group by
asking. Source: `RemotingClient#invokeOneway`, protocol.md section 3.9.
"""

import asyncio
import logging
from typing import Final

from namesrv.server.logs import EventLog
from namesrv.server.resolver import resolve

_CONNECT_SECONDS: Final = 3.0
_IDLE_SECONDS: Final = 120.0
_MOST_TARGETS: Final = 1024
_MOST_WAITING_BYTES: Final = 1 << 16


class Notifier:
    """Keeps one connection for each broker address that was notified of late."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._targets: dict[str, _Target] = {}

    def send(self, address: str, frame: bytes) -> None:
        """Send a frame to `host:port`, soon; never fails."""
        target = self._targets.get(address)
        if target is None:
            if len(self._targets) >= _MOST_TARGETS:
                self._say(address, "too many brokers are being notified")
                return
            target = self._targets[address] = _Target(self, address)
        target.send(frame)

    async def close(self) -> None:
        """End all connections."""
        tasks = [target.task for target in self._targets.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def ended(self, address: str, reason: str) -> None:
        """A connection is over."""
        self._targets.pop(address, None)
        self._say(address, reason)

    def _say(self, address: str, reason: str) -> None:
        fields = {"address": address, "reason": reason}
        self._log.log_event(logging.DEBUG, "connection for notifications ended", fields)


class _Target:
    """One broker address: frames in line, and the task that sends them."""

    def __init__(self, notifier: Notifier, address: str) -> None:
        self._notifier = notifier
        self._address = address
        self._frames: asyncio.Queue[bytes] = asyncio.Queue()
        self.task = asyncio.get_running_loop().create_task(self._run())

    def send(self, frame: bytes) -> None:
        if self._frames.qsize() * len(frame) < _MOST_WAITING_BYTES:
            self._frames.put_nowait(frame)

    async def _run(self) -> None:
        reason = "it was idle"
        try:
            await self._send_frames()
        except TimeoutError:
            pass
        except (OSError, ValueError, OverflowError) as exc:
            reason = str(exc)
        finally:
            self._notifier.ended(self._address, reason)

    async def _send_frames(self) -> None:
        frame = await self._frames.get()
        while True:
            async with asyncio.timeout(_CONNECT_SECONDS):
                reader, writer = await self._connect()
            try:
                # A broker that was restarted has closed it, and needs a new one.
                while not (reader.at_eof() or writer.is_closing()):
                    writer.write(frame)
                    async with asyncio.timeout(_CONNECT_SECONDS):
                        await writer.drain()
                    async with asyncio.timeout(_IDLE_SECONDS):
                        frame = await self._frames.get()
            finally:
                writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, _, port_text = self._address.rpartition(":")
        port = int(port_text)
        address = await resolve(host.strip("[]"), port)
        return await asyncio.open_connection(address, port)

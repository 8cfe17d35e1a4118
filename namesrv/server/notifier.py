"""Sends one-way frames to brokers over connections of our own (code 905).

Failures are nobody's business: a broker that cannot be reached learns of its group by
asking. Source: `RemotingClient#invokeOneway`, protocol.md section 3.9.
"""

import asyncio
import contextlib
import logging
from typing import Final

from namesrv.server.logs import EventLog

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
        host, _, port = self._address.rpartition(":")
        opening = asyncio.open_connection(host.strip("[]"), int(port))
        _, writer = await asyncio.wait_for(opening, _CONNECT_SECONDS)
        try:
            while True:
                writer.write(await asyncio.wait_for(self._frames.get(), _IDLE_SECONDS))
                await asyncio.wait_for(writer.drain(), _CONNECT_SECONDS)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await asyncio.wait_for(writer.wait_closed(), _CONNECT_SECONDS)

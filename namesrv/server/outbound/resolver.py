"""Resolves host names in a few threads that do not delay the end of the process.

The process waits for the event loop's own resolver threads when it ends: a broker name
that no DNS server answers would delay it by ten seconds. Peers choose these names, so
the number of threads is limited, and a slow name occupies only one.
"""

import asyncio
import contextlib
import socket
import threading
from collections import OrderedDict
from ipaddress import ip_address
from typing import Final

from namesrv.server.clock import monotonic_millis

MOST_LOOKUPS: Final = 8
_SLOW_MILLIS: Final = 3000
_SLOW_FORGOTTEN_MILLIS: Final = 30_000
_MOST_SLOW: Final = 1024

_Waiter = tuple[asyncio.AbstractEventLoop, "asyncio.Future[str]"]


class Resolver:
    """Looks up at most MOST_LOOKUPS names at a time; equal requests share a lookup.

    A name that took longer than 3 s is not looked up again for 30 s.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiters: dict[str, list[_Waiter]] = {}
        self._slow_until: OrderedDict[str, int] = OrderedDict()

    async def resolve(self, host: str) -> str:
        """The first address of `host`, which may itself be an address.

        Raises OSError and ValueError, as `getaddrinfo` does, and OSError if there are
        too many lookups.
        """
        with contextlib.suppress(ValueError):
            return str(ip_address(host))
        loop = asyncio.get_running_loop()
        found: asyncio.Future[str] = loop.create_future()
        if self._is_first(host, (loop, found)):
            self._start(host)
        return await found

    def _is_first(self, host: str, waiter: _Waiter) -> bool:
        """Let `waiter` wait for a name; True if its lookup has to be started."""
        with self._lock:
            others = self._waiters.get(host)
            if others is not None:
                others[:] = [other for other in others if not other[1].done()]
                others.append(waiter)
                return False
            if self._slow_until.get(host, 0) > monotonic_millis():
                raise OSError(f"{host!r} took too long to look up a moment ago")
            if len(self._waiters) >= MOST_LOOKUPS:
                raise OSError(f"{MOST_LOOKUPS} names are being looked up already")
            self._waiters[host] = [waiter]
            return True

    def _start(self, host: str) -> None:
        thread = threading.Thread(
            target=self._look_up, args=(host,), name="namesrv-resolver", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:  # thread limit reached
            with self._lock:
                del self._waiters[host]
            raise OSError(str(error)) from None

    def _look_up(self, host: str) -> None:
        """Look up a name, in a thread."""
        began_ms = monotonic_millis()
        address, failed = "", None
        try:
            infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            address = str(infos[0][4][0])
        except Exception as error:
            failed = error
        with self._lock:
            waiters = self._waiters.pop(host)
            if monotonic_millis() - began_ms >= _SLOW_MILLIS:
                self._note_slow(host)
        for loop, found in waiters:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(_set_result, found, address, failed)

    def _note_slow(self, host: str) -> None:
        self._slow_until[host] = monotonic_millis() + _SLOW_FORGOTTEN_MILLIS
        self._slow_until.move_to_end(host)
        while len(self._slow_until) > _MOST_SLOW:
            self._slow_until.popitem(last=False)


def _set_result(
    found: "asyncio.Future[str]", address: str, failed: Exception | None
) -> None:
    if found.done():
        return
    if failed is None:
        found.set_result(address)
    else:
        found.set_exception(failed)

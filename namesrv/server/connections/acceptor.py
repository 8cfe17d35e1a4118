"""Accepts the connections of one listener on the loop.

The loops' own servers do not stand a process without descriptors: uvloop's accepts and
closes with a spare one, and takes a whole core if a file got that meanwhile; asyncio's
sets the backlog anew when it goes on. Here the listener rests.
"""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Final

_MOST_JOINING: Final = 16
"""Accepted connections that are not counted or closed yet: each has a descriptor."""
_REST_SECONDS: Final = 0.1

MakeProtocol = Callable[[Any], asyncio.Protocol]
"""The protocol of a connection from an address of a socket."""
Joining = set[asyncio.Task[None]]


class Acceptor:
    """Accepts from now on until `close`; it owns the listener. `on_failure(error)` is
    called when the listener rests for 100 ms, because there are no descriptors or no
    memory for one more connection. All acceptors of a server share `joining`."""

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: MakeProtocol,
        on_failure: Callable[[OSError], None],
        joining: Joining,
    ) -> None:
        self._listener = listener
        self._make_protocol = make_protocol
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._joining = joining
        self._rest: asyncio.TimerHandle | None = None
        self._is_closed = False
        listener.setblocking(False)
        self._go_on()

    def close(self) -> None:
        """Accept no more. Accepted connections live on."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._rest is not None:
            self._rest.cancel()
        self._loop.remove_reader(self._listener)
        self._listener.close()

    def _go_on(self) -> None:
        self._rest = None
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        while len(self._joining) < _MOST_JOINING:
            try:
                accepted, address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._loop.remove_reader(self._listener)
                self._rest = self._loop.call_later(_REST_SECONDS, self._go_on)
                self._on_failure(error)
                return
            make_protocol = partial(self._make_protocol, address)
            task = self._loop.create_task(join_loop(accepted, make_protocol))
            self._joining.add(task)
            task.add_done_callback(self._joining.discard)


async def join_loop(
    accepted: socket.socket, make_protocol: Callable[[], asyncio.Protocol]
) -> None:
    """Let the loop serve an accepted socket, which is closed if that fails."""
    loop = asyncio.get_running_loop()
    try:
        await loop.connect_accepted_socket(make_protocol, accepted)
    except OSError:
        accepted.close()
    except BaseException:
        accepted.close()
        raise

"""A limit of the system's send buffers.

One call of the system takes all that fits into the buffer, and delivers it if the peer
is on this machine. Nobody else gets the core meanwhile: 1.2 ms for 1.8 MB, while a
lookup lane may have no other core. With a smaller buffer a long answer takes several
calls, and no more CPU.
"""

import contextlib
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio

_WANTED_BYTES: Final = 256 << 10
_MOST_BYTES: Final = 2 * _WANTED_BYTES
"""Linux doubles the size that it is asked for."""


def limit_send_buffer(transport: "asyncio.BaseTransport") -> None:
    """Make the buffer of a connection smaller if it has more than 512 KiB. The system
    gives new connections less, unless the peer is near, and more to a peer that
    takes much."""
    connected = transport.get_extra_info("socket")
    if connected is None:
        return
    with contextlib.suppress(OSError):  # it was closed
        if connected.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) > _MOST_BYTES:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _WANTED_BYTES)

"""How many connections may wait for a listener."""

import socket
import struct

_INFO_BYTES = 104
_SACKED_AT = 28


def backlog(listener: socket.socket) -> int:
    """Its backlog, which Linux tells in a field that other sockets use for `sacked`."""
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
    (number,) = struct.unpack_from("I", info, _SACKED_AT)
    assert isinstance(number, int)
    return number

"""Listening sockets: addresses in, bound sockets or one clear sentence out."""

import errno
import socket

from namesrv.errors import StartFailed
from namesrv.options import Options


def open_listeners(options: Options) -> list[socket.socket]:
    """Bind every address of `bindAddress` to `listenPort`, and listen.

    Port 0 takes a free port, the same for all addresses. Raises StartFailed.
    """
    listeners: list[socket.socket] = []
    port = options.listen_port
    try:
        for address in options.bind_addresses:
            listener = _listener(address, port, options)
            listeners.append(listener)
            port = listener.getsockname()[1]
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def _listener(address: str, port: int, options: Options) -> socket.socket:
    family, resolved = _resolve(address, port)
    # Without the protocol's number asyncio does not set TCP_NODELAY on what it accepts.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Inherited by what is accepted: where silence is allowed for ever, a peer whose
        # machine has gone is noticed all the same.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if family == socket.AF_INET6:
            alone = len(options.bind_addresses) == 1
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not alone)
        for name, size in (
            (socket.SO_SNDBUF, options.server_socket_snd_buf_size),
            (socket.SO_RCVBUF, options.server_socket_rcv_buf_size),
        ):
            if size:
                listener.setsockopt(socket.SOL_SOCKET, name, size)
        listener.bind(resolved)
        # Two sockets can be bound to one address; only one of them can listen.
        listener.listen(options.server_socket_backlog)
    except OSError as exc:
        listener.close()
        raise StartFailed(_sentence(exc, address, port)) from None
    return listener


def _resolve(address: str, port: int) -> tuple[int, tuple[object, ...]]:
    try:
        found = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as exc:
        raise StartFailed(
            f"bindAddress {address!r} is not an address that this machine knows "
            f"({exc}): check --bind"
        ) from None
    family, _, _, _, resolved = found[0]
    return family, resolved


def _sentence(exc: OSError, address: str, port: int) -> str:
    if exc.errno == errno.EADDRINUSE:
        return (
            f"port {port} of {address} is in use: stop the program that listens there, "
            "or choose another port with --port"
        )
    if exc.errno in (errno.EACCES, errno.EPERM):
        return (
            f"no permission to listen on port {port} of {address}: choose a port above "
            "1023 with --port, or give this user the right"
        )
    if exc.errno == errno.EADDRNOTAVAIL:
        return (
            f"{address} is not an address of this machine: choose one that is "
            "with --bind"
        )
    return f"cannot listen on port {port} of {address}: {exc.strerror}"

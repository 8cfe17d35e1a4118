"""Makes listening sockets, or reports one sentence about an address.

As with Java, 0.0.0.0 alone is all addresses of IPv4 and IPv6, on one socket; the words
`ipv4` and `ipv6` are all of one kind only.
"""

import errno
import socket
from collections.abc import Iterable
from typing import Any, Final

from namesrv.errors import PlaceInUse, StartFailed
from namesrv.options import Options

ALL: Final = "0.0.0.0"
_MOST_TRIES: Final = 16
"""To find a port that is free for all addresses."""
_ALL_OF_IPV6: Final = "::"
_WORDS: Final = {
    "ipv4": (socket.AF_INET, ALL),
    "ipv6": (socket.AF_INET6, _ALL_OF_IPV6),
}
_NO_IPV6: Final = (
    errno.EAFNOSUPPORT,
    errno.EPROTONOSUPPORT,
    errno.EADDRNOTAVAIL,
    errno.ENOPROTOOPT,
)
"""Errors of a machine without IPv6, or without sockets for both kinds."""

_Name = tuple[Any, ...]


def open_listeners(options: Options) -> list[socket.socket]:
    """Bind every address of `bindAddress` to `listenPort`, and listen.

    Port 0 takes a free port, the same for all addresses. Raises StartFailed; PlaceInUse
    where another process listens.
    """
    tries = 1 if options.listen_port else _MOST_TRIES
    while True:
        try:
            return _open_listeners(options)
        except PlaceInUse:
            # A port that was free for one address is taken for another.
            tries -= 1
            if not tries:
                raise


def open_http_listeners(
    options: Options, beside: Iterable[socket.socket] = ()
) -> list[socket.socket]:
    """Bind every address of `httpBind`, and listen. Raises StartFailed; PlaceInUse
    where another process listens. The listeners `beside` them are then closed, too."""
    listeners: list[socket.socket] = []
    try:
        for text in options.http_addresses:
            host, _, port = text.rpartition(":")
            address = host.strip("[]")
            family, name = _resolve(address, int(port), "httpBind", "--http-bind")
            own = (*beside, *listeners)
            listeners.append(_http_listener(address, family, name, options, own))
    except BaseException:
        for listener in (*beside, *listeners):
            listener.close()
        raise
    return listeners


def address_of(listener: socket.socket, options: Options) -> tuple[str, int]:
    """The address of a listener; 0.0.0.0 for a socket of both kinds."""
    host, port = listener.getsockname()[:2]
    return (ALL if options.bind_addresses == (ALL,) else host), port


def _open_listeners(options: Options) -> list[socket.socket]:
    listeners: list[socket.socket] = []
    port = options.listen_port
    try:
        if options.bind_addresses == (ALL,):
            return [_listener_of_both(port, options)]
        seen: dict[str, str] = {}
        for address in options.bind_addresses:
            family, name = _resolve(address, port)
            _refuse_twice(address, name, seen)
            listener = _listener(address, family, name, options)
            listeners.append(listener)
            port = listener.getsockname()[1]
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def _listener_of_both(port: int, options: Options) -> socket.socket:
    """All addresses of IPv4 and IPv6; of IPv4 where there is nothing else."""
    try:
        return _bound(socket.AF_INET6, (_ALL_OF_IPV6, port), options, takes_ipv4=True)
    except OSError as error:
        if error.errno not in _NO_IPV6:
            raise _failure(error, ALL, port) from None
    return _listener(ALL, socket.AF_INET, (ALL, port), options)


def _http_listener(
    address: str,
    family: int,
    name: _Name,
    options: Options,
    own: Iterable[socket.socket],
) -> socket.socket:
    """Raises PlaceInUse for another process only, not for the server's `own` ones."""
    try:
        return _listener(address, family, name, options, "--http-bind")
    except PlaceInUse:
        host, port = name[:2]
        for listener in own:
            other, other_port = listener.getsockname()[:2]
            is_for_all = bool({host, other} & {ALL, _ALL_OF_IPV6})
            if port == other_port and (host == other or is_for_all):
                raise StartFailed(
                    f"httpBind names port {port} of {address}, on which this server"
                    " listens already: choose another port with --http-bind"
                ) from None
        raise


def _listener(
    address: str, family: int, name: _Name, options: Options, flag: str = "--port"
) -> socket.socket:
    takes_ipv4 = options.bind_addresses == (_ALL_OF_IPV6,)
    try:
        return _bound(family, name, options, takes_ipv4=takes_ipv4)
    except OSError as error:
        raise _failure(error, address, name[1], flag) from None


def _bound(
    family: int, name: _Name, options: Options, *, takes_ipv4: bool
) -> socket.socket:
    """A socket that listens there. Raises OSError."""
    # asyncio sets TCP_NODELAY on accepted sockets only with a protocol number.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit it, so that a peer whose machine has gone is noticed
        # even if idle connections are allowed for ever.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not takes_ipv4)
        for option, size in (
            (socket.SO_SNDBUF, options.server_socket_snd_buf_size),
            (socket.SO_RCVBUF, options.server_socket_rcv_buf_size),
        ):
            if size:
                listener.setsockopt(socket.SOL_SOCKET, option, size)
        listener.bind(name)
        # Two sockets can be bound to one address; only one of them can listen.
        listener.listen(options.server_socket_backlog)
    except BaseException:
        listener.close()
        raise
    return listener


def _resolve(
    address: str, port: int, option: str = "bindAddress", flag: str = "--bind"
) -> tuple[int, _Name]:
    if address in _WORDS:
        family, host = _WORDS[address]
        return family, (host, port)
    # Text would be encoded by a codec whose tables take 0.4 MiB.
    known: bytes | str = address.encode() if address.isascii() else address
    try:
        found = socket.getaddrinfo(
            known, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as exc:
        raise StartFailed(
            f"{option} {address!r} is not an address that this machine knows "
            f"({exc}): check {flag}"
        ) from None
    family, _, _, _, resolved = found[0]
    return family, resolved


def _refuse_twice(address: str, name: _Name, seen: dict[str, str]) -> None:
    """Raises StartFailed for an address that is among those that were `seen`."""
    host = str(name[0])
    everything = _ALL_OF_IPV6 if ":" in host else ALL
    for other, earlier in seen.items():
        is_of_its_kind = (":" in other) is (":" in host)
        if other in (host, everything) or (host == everything and is_of_its_kind):
            both = address if earlier == address else f"{earlier} and {address}"
            raise StartFailed(
                f"bindAddress names one address twice ({both}): name each once with"
                " --bind"
            )
    seen[host] = address


def _failure(
    exc: OSError, address: str, port: int, flag: str = "--port"
) -> StartFailed:
    if exc.errno == errno.EADDRINUSE:
        return PlaceInUse(
            f"port {port} of {address} is in use: stop the program that listens there, "
            f"or choose another port with {flag}"
        )
    return StartFailed(_sentence(exc, address, port, flag))


def _sentence(exc: OSError, address: str, port: int, flag: str) -> str:
    """`flag` sets the port; that of HTTP sets the address, too."""
    if exc.errno in (errno.EACCES, errno.EPERM):
        return (
            f"no permission to listen on port {port} of {address}: choose a port above "
            f"1023 with {flag}, or give this user the right"
        )
    if exc.errno == errno.EADDRNOTAVAIL:
        return (
            f"{address} is not an address of this machine: choose one that is "
            f"with {'--bind' if flag == '--port' else flag}"
        )
    return f"cannot listen on port {port} of {address}: {exc.strerror}"

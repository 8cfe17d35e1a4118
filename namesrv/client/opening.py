"""Opens connections to a NameServer, within a deadline, and in TLS if wanted."""

from __future__ import annotations

import socket
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from namesrv.client.diagnosis import connect_sentence, tls_sentence
from namesrv.errors import NameServerUnreachable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from namesrv.client.addresses import Address
    from namesrv.client.terms import Terms

Place: TypeAlias = "tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]"
"""One address of a host, as the system gives it."""
_SHORTEST_SECONDS: Final = 0.001


def left(deadline: float) -> float:
    """The seconds until then; a socket without any would not wait for its system."""
    return max(deadline - monotonic(), _SHORTEST_SECONDS)


def places_of(address: Address, terms: Terms) -> Sequence[Place]:
    """The addresses of the host. Raises NameServerUnreachable."""
    host, port = address
    # The system reads ASCII as it is; for a text Python loads the tables of IDNA.
    name = host.encode() if host.isascii() else host
    try:
        return socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _not_connected(address, terms, error) from error


def opened(
    places: Sequence[Place], address: Address, terms: Terms, deadline: float
) -> socket.socket:
    """A connection to the first place that accepts one. Raises
    NameServerUnreachable."""
    try:
        connected = _first_opened(places, deadline)
    except OSError as error:
        raise _not_connected(address, terms, error) from error
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if terms.tls is not None:
            connected = _with_tls(connected, address, terms, deadline)
    except BaseException:
        connected.close()
        raise
    return connected


def _not_connected(
    address: Address, terms: Terms, error: Exception
) -> NameServerUnreachable:
    return NameServerUnreachable(
        connect_sentence(address, error, terms.timeout_seconds)
    )


def _with_tls(
    connected: socket.socket, address: Address, terms: Terms, deadline: float
) -> socket.socket:
    tls = terms.tls
    assert tls is not None
    context = tls.context()
    connected.settimeout(left(deadline))
    try:
        return context.wrap_socket(connected, server_hostname=tls.name or address.host)
    except (OSError, ValueError) as error:
        raise NameServerUnreachable(tls_sentence(address, error)) from error


def _first_opened(places: Sequence[Place], deadline: float) -> socket.socket:
    failure: OSError = socket.gaierror("it has no address")
    for family, kind, protocol, _, place in places:
        try:
            connected = socket.socket(family, kind, protocol)
        except OSError as error:
            failure = error
            continue
        connected.settimeout(left(deadline))
        try:
            connected.connect(place)
        except OSError as error:
            connected.close()
            failure = error
        else:
            return connected
    raise failure

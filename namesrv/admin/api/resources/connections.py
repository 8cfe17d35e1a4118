"""`/v1/connections`: the open connections of all peers."""

from heapq import nsmallest
from itertools import chain
from operator import itemgetter
from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from namesrv.admin.api.answers import respond
from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.api.pages import NamedPageParameters, Next, next_link
from namesrv.admin.http.messages import HttpAnswer
from namesrv.hot_path import ANY_VERSION
from namesrv.server.connections.served import Served
from namesrv.work import Cost, Steps, batches

_ENTRY_UNITS: Final = 4


class Peer(Struct):
    """One connection."""

    remote_address: Annotated[
        str,
        Meta(description="host:port of the peer, from a PROXY header if it sent one"),
    ]
    socket_address: Annotated[str, Meta(description="host:port of the socket's peer")]
    client_version: Annotated[
        int | None,
        Meta(description="remoting version of its last request, null before the first"),
    ]
    live_brokers: Annotated[
        int, Meta(description="live brokers whose last registration came over it")
    ]
    last_active_millis_ago: Annotated[
        int, Meta(description="time since it last sent or got something")
    ]
    kept_input_bytes: Annotated[
        int, Meta(description="bytes of unfinished or waiting requests")
    ]
    unsent_bytes: Annotated[int, Meta(description="bytes that the peer has not read")]
    is_closing: Annotated[bool, Meta(description="whether the server closes it")]


class Peers(Struct):
    """A page of connections, by address."""

    items: Annotated[list[Peer], Meta(description="the connections")]
    total: Annotated[int, Meta(description="connections of the server")]
    next: Next = UNSET


def get_connections(call: Call) -> Steps[HttpAnswer]:
    """A page of connections. Their addresses are the cursor, so that connections that
    come or go between two pages neither repeat others nor hide them."""
    connections, parameters = call.inside.connections, call.parameters
    after, prefix, limit = parameters.after, parameters.prefix, parameters.limit
    found: list[tuple[str, Served]] = []
    total = len(connections)
    for peers in batches(connections.peers(), Cost.GROUP):
        wanted = [
            (name, peer)
            for name, peer in zip(map(_name, peers), peers, strict=True)
            if name.startswith(prefix) and (after is UNSET or name > after)
        ]
        found = nsmallest(limit + 1, chain(found, wanted), key=itemgetter(0))
        yield len(peers) * Cost.GROUP + len(found) // _ENTRY_UNITS
    items = [_item(call, peer) for _, peer in found[:limit]]
    yield _ENTRY_UNITS * len(items)
    cursor: str | UnsetType = found[limit - 1][0] if len(found) > limit else UNSET
    page = Peers(items, total, next_link(parameters, cursor))
    return respond(call.request, page)


def _name(peer: Served) -> str:
    """The cursor of a connection: a PROXY header may repeat an address, a socket does
    not."""
    connection = peer.connection
    return f"{connection.remote_address} {connection.socket_address}"


def _item(call: Call, peer: Served) -> Peer:
    connection = peer.connection
    version = connection.client_version
    return Peer(
        remote_address=connection.remote_address,
        socket_address=connection.socket_address,
        client_version=None if version == ANY_VERSION else version,
        live_brokers=len(connection.registered),
        last_active_millis_ago=max(call.now_ms - connection.last_active_ms, 0),
        kept_input_bytes=peer.input_bytes,
        unsent_bytes=peer.unsent_bytes,
        is_closing=peer.closing_since_ms is not None,
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/connections",
        "Open connections by address",
        get_connections,
        parameters=NamedPageParameters,
        answer=Peers,
    ),
)

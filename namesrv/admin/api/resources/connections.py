"""`/v1/connections`: the open connections of all peers."""

from collections.abc import Iterator
from heapq import nsmallest
from itertools import chain
from operator import itemgetter
from typing import Annotated, Final, Literal, NamedTuple

from msgspec import UNSET, Meta, Struct, UnsetType

from namesrv.admin.api.answers import respond
from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.api.pages import NamedPageParameters, Next, next_link
from namesrv.admin.http.messages import HttpAnswer
from namesrv.hot_path import ANY_VERSION
from namesrv.server.connections.registry import Connections
from namesrv.server.connections.served import Served
from namesrv.server.lanes.lanes import LookupLanes, text_of
from namesrv.work import Cost, Steps, batches

_ENTRY_UNITS: Final = 4


class Peer(Struct):
    """One connection."""

    remote_address: Annotated[
        str,
        Meta(description="host:port of the peer, from a PROXY header if it sent one"),
    ]
    socket_address: Annotated[str, Meta(description="host:port of the socket's peer")]
    protocol: Annotated[
        Literal["remoting", "http"], Meta(description="protocol that the peer speaks")
    ]
    client_version: Annotated[
        int | None,
        Meta(description="remoting version of its last request, null without one"),
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


class _InLane(NamedTuple):
    """A connection of a lane, by the rows of a census."""

    address: str
    read_ms: int
    client_version: int | None
    kept_bytes: int
    has_sent: bool


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
    found: list[tuple[str, Served | _InLane]] = []
    total = len(connections)
    for some in chain(_own(connections), _in_lanes(call.inside.lanes)):
        wanted = [
            (name, source)
            for name, source in some
            if name.startswith(prefix) and (after is UNSET or name > after)
        ]
        found = nsmallest(limit + 1, chain(found, wanted), key=itemgetter(0))
        yield len(some) * Cost.GROUP + len(found) // _ENTRY_UNITS
    items: list[Peer] = []
    for page in batches(found[:limit], _ENTRY_UNITS):
        items += [_item(call, source) for _, source in page]
        yield len(page) * _ENTRY_UNITS
    cursor: str | UnsetType = found[limit - 1][0] if len(found) > limit else UNSET
    answer = Peers(items, total, next_link(parameters, cursor))
    return respond(call.request, answer)


def _own(connections: Connections) -> Iterator[list[tuple[str, Served | _InLane]]]:
    """The connections of the loop with their names, some at a time."""
    for peers in batches(connections.peers(), Cost.GROUP):
        yield list(zip(map(_name, peers), peers, strict=True))


def _in_lanes(
    lanes: LookupLanes | None,
) -> Iterator[list[tuple[str, Served | _InLane]]]:
    """The same of those of lanes."""
    census = None if lanes is None else lanes.census()
    if census is None:
        return
    for places in batches(range(len(census)), Cost.GROUP):
        rows = census.rows(places[0], places[-1] + 1)
        some = [_InLane(text_of(address), *facts) for address, facts in rows]
        yield [(f"{each.address} {each.address}", each) for each in some]


def _name(peer: Served) -> str:
    """The cursor of a connection: a PROXY header may repeat an address, a socket does
    not."""
    connection = peer.connection
    return f"{connection.remote_address} {connection.socket_address}"


def _item(call: Call, peer: Served | _InLane) -> Peer:
    if isinstance(peer, _InLane):
        return _item_in_lane(call, peer)
    connection = peer.connection
    version = ANY_VERSION if peer.is_http else connection.client_version
    return Peer(
        remote_address=connection.remote_address,
        socket_address=connection.socket_address,
        protocol="http" if peer.is_http else "remoting",
        client_version=None if version == ANY_VERSION else version,
        live_brokers=len(connection.registered),
        last_active_millis_ago=max(call.now_ms - connection.last_active_ms, 0),
        kept_input_bytes=peer.input_bytes,
        unsent_bytes=peer.unsent_bytes,
        is_closing=peer.closing_since_ms is not None,
    )


def _item_in_lane(call: Call, peer: _InLane) -> Peer:
    return Peer(
        remote_address=peer.address,
        socket_address=peer.address,
        protocol="remoting",
        client_version=peer.client_version,
        live_brokers=0,
        last_active_millis_ago=max(call.now_ms - peer.read_ms, 0),
        kept_input_bytes=peer.kept_bytes,
        unsent_bytes=0,
        is_closing=False,
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
